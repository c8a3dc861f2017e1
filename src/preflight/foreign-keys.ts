import type { Target } from '../config/target.ts';
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
  return judgeForeignKeys(target, await readForeignKeys(database, target));
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
