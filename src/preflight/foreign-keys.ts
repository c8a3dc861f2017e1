import type { Target, TokenRelation } from '../config/target.ts';
import type { Queryable } from '../database/database.ts';
import { listed } from '../text/wording.ts';
import { ok, stop, type Verdict, warning } from './verdict.ts';

/** A foreign key that the token is part of. */
export interface ForeignKey {
  /** Table and name of the foreign key. */
  table: string;
  name: string;
  /** True if the token refers to another table. */
  isOwn: boolean;
  cascades: boolean;
  /** True if an index finds the rows that refer to a token. */
  isIndexed: boolean;
}

export async function inspectForeignKeys(database: Queryable, target: Target): Promise<Verdict> {
  const verdict = judgeForeignKeys(target, await readForeignKeys(database, target));
  return verdict.level === 'stop' ? verdict : (doubtAbout(target, await readUnkept(database, target)) ?? verdict);
}

/** @returns the relations of the Prisma schema that no foreign key keeps, as with `relationMode = "prisma"` */
async function readUnkept(database: Queryable, { relation, token, relations }: Target): Promise<TokenRelation[]> {
  if (relations.length === 0) return [];
  const found = await database.$queryRaw<{ label: string }[]>`
    SELECT label FROM jsonb_to_recordset(${JSON.stringify(relations)}::jsonb) AS given (label text, relation text, "isOwn" boolean)
    WHERE NOT EXISTS (
      SELECT FROM pg_constraint JOIN pg_attribute ON attname = ${token.name} AND attrelid = to_regclass(${relation})
      WHERE contype = 'f' AND conrelid = to_regclass(given.relation)
        AND CASE WHEN "isOwn" THEN attnum = ANY (conkey) ELSE confrelid = attrelid AND attnum = ANY (confkey) END
    )`;
  return relations.filter(({ label }) => found.some((each) => each.label === label));
}

function doubtAbout({ token }: Target, unkept: readonly TokenRelation[]): Verdict | undefined {
  if (unkept.length === 0) return undefined;
  const referring = unkept.filter(({ isOwn }) => !isOwn).map(({ label }) => label);
  return referring.length > 0
    ? warning(
        `${listed(referring)} of the Prisma schema refers to ${token.fullName} by no foreign key, so those rows will keep the old tokens.`,
        'If the application follows that relation, update them in afterBatch, with withOldTokens: true.',
      )
    : warning(
        `${token.fullName} itself refers to another table (${listed(unkept.map(({ label }) => label))} of the Prisma schema, by no foreign key), which has no fresh token.`,
        'If the application follows that relation, rotate the table that it refers to.',
      );
}

/** Partitioned tables once, not once a partition; without those that version 18 declares as not enforced. */
async function readForeignKeys(database: Queryable, { relation, token }: Target): Promise<ForeignKey[]> {
  return database.$queryRaw<ForeignKey[]>`
    SELECT conrelid::regclass::text AS table, quote_ident(conname) AS name,
      conrelid = attrelid AND attnum = ANY (conkey) AS "isOwn", confupdtype = 'c' AS cascades,
      EXISTS (
        SELECT FROM pg_index WHERE indrelid = conrelid AND indisvalid AND indkey[0] = ANY (conkey)
      ) AS "isIndexed"
    FROM pg_attribute
    JOIN pg_constraint AS foreign_key
      ON (confrelid = attrelid AND attnum = ANY (confkey)) OR (conrelid = attrelid AND attnum = ANY (conkey))
    WHERE attrelid = to_regclass(${relation}) AND attname = ${token.name} AND contype = 'f'
      AND coalesce(to_jsonb(foreign_key) ->> 'conenforced', 'true') = 'true'
      AND NOT EXISTS (
        SELECT FROM pg_constraint AS parent
        WHERE parent.oid = foreign_key.conparentid AND parent.confrelid = foreign_key.confrelid
      )
    ORDER BY "table", name`;
}

export function judgeForeignKeys({ token }: Target, foreignKeys: readonly ForeignKey[]): Verdict {
  const own = foreignKeys.filter(({ isOwn }) => isOwn);
  if (own.length > 0) {
    return stop(
      `${token.fullName} itself refers to another table (${listed(own.map(({ name }) => name))}), which has no fresh token.`,
      'Drop that foreign key, or rotate the table that it refers to.',
    );
  }
  const refusing = foreignKeys.filter(({ cascades }) => !cascades);
  if (refusing.length > 0) {
    return stop(
      `${listed(refusing.map(describe))} refers to ${token.fullName} without ON UPDATE CASCADE, so updates would fail or references would break.`,
      'Replace that foreign key with one that has ON UPDATE CASCADE, or drop it.',
    );
  }
  if (foreignKeys.length === 0) return ok(`no foreign key refers to ${token.fullName}.`);
  const unindexed = foreignKeys.filter(({ isIndexed }) => !isIndexed).map(({ table }) => table);
  return warning(
    `${listed(foreignKeys.map(describe))} refers to ${token.fullName}, so each batch updates those rows, too.`,
    unindexed.length === 0
      ? 'Batches also lock rows there and take longer.'
      : `Create an index on the referring column of ${listed(unindexed)} first. Without one, each rotated row scans that table.`,
  );
}

function describe({ table, name }: ForeignKey): string {
  return `${table} (${name})`;
}
