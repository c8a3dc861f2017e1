import { condemns, type Settings } from '../config/settings.ts';
import type { Column, Target } from '../config/target.ts';
import type { TokenKind } from '../config/token-kinds.ts';
import type { Queryable } from '../database/database.ts';
import { rowTablesOf } from '../database/row-tables.ts';
import { nameForPeople } from '../database/sql.ts';
import { listed } from '../text/wording.ts';
import { readIndexes } from './indexes.ts';
import { findKeyIndex, type KeyIndex } from './key-index.ts';
import { ok, stop, type Verdict, warning } from './verdict.ts';

/** A column, as the catalog describes it. */
export interface ColumnType {
  /** As it was declared. */
  type: string;
  /** The same without a length, or what a domain is made of. */
  baseType: string;
  /** Maximum length in characters; null: unlimited. */
  maxLength: number | null;
  isNullable: boolean;
  isGenerated: boolean;
}

const TEXT_TYPES = ['text', 'character varying', 'character'];

/** Of sequences, which give each new row a key above all others. */
const GROWING_TYPES = ['smallint', 'integer', 'bigint'];

const KEY_TYPES = [...GROWING_TYPES, 'uuid', ...TEXT_TYPES];

/** In a key of several columns: a table is partitioned by them. */
const TIME_TYPES = ['timestamp without time zone', 'timestamp with time zone', 'date'];

/** Advice on a column that is not there. */
export const MIGRATE =
  'The Prisma schema has it: run `npx prisma migrate deploy`, or `npx prisma db pull` if the database is right.';

export async function inspectKeyColumn(
  database: Queryable,
  target: Target,
  settings: Pick<Settings, 'condemn'>,
): Promise<Verdict> {
  const columns: (ColumnType | undefined)[] = [];
  for (const column of target.key.columns) columns.push(await readColumnType(database, target, column));
  const [table] = await database.$queryRaw<{ rows: number }[]>`
    SELECT coalesce(sum(reltuples), 0)::float8 AS rows FROM pg_class JOIN ${rowTablesOf(target)} AS tables USING (oid)`;
  const rows = table?.rows ?? 0;
  const index = await findKeyIndex(database, target, await readIndexes(database, target), rows);
  return judgeKeyColumn(target, columns, index, condemns(settings, rows));
}

export async function inspectTokenColumn(database: Queryable, target: Target): Promise<Verdict> {
  return judgeTokenColumn(target, await readColumnType(database, target, target.token));
}

/** @returns undefined when there is no such column */
export async function readColumnType(
  database: Queryable,
  { relation }: Target,
  { name }: Column,
): Promise<ColumnType | undefined> {
  const [column] = await database.$queryRaw<ColumnType[]>`
    SELECT format_type(atttypid, atttypmod) AS type,
      coalesce(nullif(typbasetype, 0), atttypid)::regtype::text AS "baseType",
      information_schema._pg_char_max_length(
        coalesce(nullif(typbasetype, 0), atttypid), CASE typbasetype WHEN 0 THEN atttypmod ELSE typtypmod END
      )::int AS "maxLength",
      NOT (attnotnull OR typnotnull) AS "isNullable", attgenerated <> '' AS "isGenerated"
    FROM pg_attribute JOIN pg_type ON pg_type.oid = atttypid
    WHERE attrelid = to_regclass(${relation}) AND attname = ${name} AND NOT attisdropped`;
  // A type of an extension, which may be in any schema.
  return column && { ...column, baseType: column.baseType.replace(/^.+\.citext$/, 'citext') };
}

/**
 * The key must exist in every row, be unique, and have an order that an index provides.
 *
 * @param tokensAreCondemned true if rows whose token was written since the start are left alone
 */
export function judgeKeyColumn(
  target: Target,
  types: readonly (ColumnType | undefined)[],
  index: KeyIndex | Verdict,
  tokensAreCondemned: boolean,
): Verdict {
  const { tableName, key, scope } = target;
  const columns = key.columns.map((column, index) => ({ ...column, is: types[index] }));
  for (const { fullName, is } of columns) {
    if (is === undefined) return stop(`there is no column ${fullName}.`, MIGRATE);
    const isTimeOfSeveral = columns.length > 1 && TIME_TYPES.includes(is.baseType);
    if (!KEY_TYPES.includes(is.baseType) && !isTimeOfSeveral) {
      return stop(
        `${fullName} is of type ${is.type}; a key must be ${KEY_TYPES.slice(0, -1).join(', ')} or ${KEY_TYPES.at(-1)}.`,
        'Choose another unique column as the key of the target.',
      );
    }
  }
  if ('level' in index) return index;
  for (const { fullName, name, is } of columns) {
    if (is?.isNullable !== false) {
      return stop(
        `${fullName} may be null, and rows without a key would keep their leaked token.`,
        `Run ALTER TABLE ${tableName} ALTER COLUMN ${nameForPeople(name)} SET NOT NULL.`,
      );
    }
  }
  const typed = listed(columns.map(({ is }) => is?.type ?? ''));
  const uniqueness = index.isUnique ? `has the unique index ${index.name}` : `gets its values from a sequence`;
  const facts = `${key.fullName} is of type ${typed} and ${uniqueness}`;
  const grows = columns.length === 1 && columns.every(({ is }) => GROWING_TYPES.includes(is?.baseType ?? ''));
  if (!index.isUnique) {
    return warning(
      `${facts}, but no constraint keeps it unique: rows with the same key may get the same token.`,
      'List all fields of a unique index as the key of the target, if there is one.',
    );
  }
  if (grows || scope?.endsInTime || tokensAreCondemned) return ok(`${facts}.`);
  return warning(
    `${facts}; but such keys do not grow with time, so rows inserted during the rotation may be rotated, too.`,
    'To keep the fresh tokens of such rows, have tokens condemned (--condemn), or give the target a scope that excludes ' +
      'them, such as { createdAt: { lt: … } }. Keys that begin with a time (UUIDv7, ULID) do grow.',
  );
}

export function judgeTokenColumn({ tableName, token, kind, scope }: Target, column: ColumnType | undefined): Verdict {
  const name = token.fullName;
  if (column === undefined) return stop(`there is no column ${name}.`, MIGRATE);
  const types = typesFor(token, kind);
  if (!types.includes(column.baseType)) {
    return stop(
      `${name} is of type ${column.type}; tokens of kind ${kind.name} need ${types.join(', ')}.`,
      'Choose another kind of token for the target, or change the column.',
    );
  }
  if (column.maxLength !== null && kind.length !== null && column.maxLength < kind.length) {
    return stop(
      `${name} is of type ${column.type}; tokens of kind ${kind.name} have ${kind.length} characters.`,
      'Choose another kind of token for the target, or make the column wider.',
    );
  }
  if (column.isGenerated) {
    return stop(`${name} is a generated column and cannot be written.`, 'Rotate what it is computed from.');
  }
  if (column.isNullable && scope?.requiresToken !== true) {
    return warning(
      `${name} may be null, and rows without a token will get one, too.`,
      `If null has a meaning, such as a returned ticket, give the target a scope, { ${token.field}: { not: null } }; ` +
        `otherwise run ALTER TABLE ${tableName} ALTER COLUMN ${nameForPeople(token.name)} SET NOT NULL.`,
    );
  }
  return ok(`${name} is of type ${column.type}${column.isNullable ? '' : ' and not null'}.`);
}

function typesFor({ type }: Column, { hash, type: kindType }: TokenKind): string[] {
  if (type === 'Bytes') return ['bytea'];
  const textTypes = [...TEXT_TYPES, 'citext'];
  return kindType === 'uuid' && hash === null ? ['uuid', ...textTypes] : textTypes;
}
