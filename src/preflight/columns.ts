import type { Queryable } from '../database.ts';
import { type Index, readIndexes } from './indexes.ts';
import { ok, stop, type Verdict, warning } from './verdict.ts';

/** A column of the table. */
export interface Column {
  /** As it was declared. */
  type: string;
  /** The same, or what a domain is made of. */
  baseType: string;
  isNullable: boolean;
  isGenerated: boolean;
}

/** Nothing that is like it: an integer comes back as another kind of number, a list of a domain's values as text. */
const KEY_TYPE = 'bigint';

const TOKEN_TYPE = 'uuid';

const SEE_LIMITS = 'See Limits in the README for what to change.';

export async function inspectKeyColumn(database: Queryable): Promise<Verdict> {
  return judgeKeyColumn(await readColumn(database, 'id'), await readIndexes(database));
}

export async function inspectTokenColumn(database: Queryable): Promise<Verdict> {
  return judgeTokenColumn(await readColumn(database, 'token'));
}

async function readColumn(database: Queryable, name: string): Promise<Column | undefined> {
  const [column] = await database.$queryRaw<Column[]>`
    SELECT format_type(atttypid, atttypmod) AS type,
      coalesce(nullif(typbasetype, 0), atttypid)::regtype::text AS "baseType",
      NOT (attnotnull OR typnotnull) AS "isNullable", attgenerated <> '' AS "isGenerated"
    FROM pg_attribute JOIN pg_type ON pg_type.oid = atttypid
    WHERE attrelid = to_regclass('tickets') AND attname = ${name} AND NOT attisdropped`;
  return column;
}

/** The key has to be there for every row, once only, and in an order that an index gives. */
export function judgeKeyColumn(column: Column | undefined, indexes: readonly Index[]): Verdict {
  if (column === undefined) return stop('tickets has no column id.', SEE_LIMITS);
  if (column.type !== KEY_TYPE) {
    return stop(`tickets.id is of type ${column.type}; only a key of type ${KEY_TYPE} is supported.`, SEE_LIMITS);
  }
  const onKey = indexes.filter(({ method, keyColumns }) => method === 'btree' && keyColumns.join() === 'id');
  const unique = onKey.filter(({ isUnique, isPartial }) => isUnique && !isPartial);
  const index = unique.find(({ isValid }) => isValid);
  if (index === undefined) {
    const [invalid] = unique;
    return invalid === undefined
      ? stop(
          'tickets.id has no unique index of its own, so rows could be passed over.',
          'Run ALTER TABLE tickets ADD PRIMARY KEY (id).',
        )
      : stop(`index ${invalid.name} on tickets.id is invalid.`, `Run REINDEX INDEX CONCURRENTLY ${invalid.name}.`);
  }
  if (column.isNullable) {
    return stop(
      'tickets.id may be null, and rows without a key would keep their leaked token.',
      'Run ALTER TABLE tickets ALTER COLUMN id SET NOT NULL.',
    );
  }
  return ok(`tickets.id is of type ${KEY_TYPE} and has the unique index ${index.name}.`);
}

export function judgeTokenColumn(column: Column | undefined): Verdict {
  if (column === undefined) return stop('tickets has no column token.', SEE_LIMITS);
  if (column.baseType !== TOKEN_TYPE) {
    return stop(`tickets.token is of type ${column.type}; only ${TOKEN_TYPE} can be rotated.`, SEE_LIMITS);
  }
  if (column.isGenerated) {
    return stop('tickets.token is a generated column, which nobody can write.', 'Rotate what it is computed from.');
  }
  if (column.isNullable) {
    return warning(
      'tickets.token may be null, and rows without a token will be given one, too.',
      'Where null has a meaning, such as a ticket that was returned, note the keys of those rows and set them to null ' +
        'again afterwards; where it has none, run ALTER TABLE tickets ALTER COLUMN token SET NOT NULL.',
    );
  }
  return ok(`tickets.token is of type ${column.type} and never null.`);
}
