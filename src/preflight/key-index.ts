import { MAX_ROWS_COUNTED } from '../config/settings.ts';
import type { Target } from '../config/target.ts';
import type { Queryable } from '../database/database.ts';
import { nameForPeople } from '../database/sql.ts';
import type { Index } from './indexes.ts';
import { stop, type Verdict } from './verdict.ts';

/** The index that pages are read by. */
export interface KeyIndex {
  /** Quoted where that is needed. */
  name: string;
  /** False: a sequence keeps the key of a partitioned table unique, not a constraint. */
  isUnique: boolean;
}

/**
 * Finds the index of the key.
 *
 * @param rows of the table, estimated
 * @returns it; or why there is none that can be used
 */
export async function findKeyIndex(
  database: Queryable,
  target: Target,
  indexes: readonly Index[],
  rows: number,
): Promise<KeyIndex | Verdict> {
  const { tableName, key } = target;
  const names = key.columns.map(({ name }) => name);
  const usable = indexes.filter(
    ({ method, isPartial, sortsAsColumn }) => method === 'btree' && !isPartial && sortsAsColumn,
  );
  const unique = usable.filter(({ isUnique, keyColumns }) => isUnique && keyColumns.join() === names.join());
  const valid = unique.find(({ isValid }) => isValid);
  if (valid !== undefined) return { name: valid.name, isUnique: true };
  const [invalid] = unique;
  if (invalid !== undefined) {
    return stop(
      `index ${invalid.name} on ${key.fullName} is invalid.`,
      `Run REINDEX INDEX CONCURRENTLY ${invalid.name}.`,
    );
  }
  if (!(await isPartitioned(database, target))) {
    return stop(
      `${key.fullName} alone has no unique index, so rows could be skipped.`,
      `Run CREATE UNIQUE INDEX CONCURRENTLY ON ${tableName} (${names.map(nameForPeople).join(', ')}).`,
    );
  }
  const leading = usable.find(({ isValid, keyColumns }) => isValid && keyColumns[0] === names[0]);
  if (leading !== undefined && names.length === 1 && (await isFilledBySequence(database, target))) {
    if (rows > MAX_ROWS_COUNTED || !(await hasDuplicates(database, target)))
      return { name: leading.name, isUnique: false };
    return stop(`${key.fullName} is not unique: several rows have the same.`, LIST_ALL_FIELDS);
  }
  return stop(`${key.fullName} alone has no unique index, so rows could be skipped.`, LIST_ALL_FIELDS);
}

/** Its indexes cannot be made with CONCURRENTLY, and must include the columns that it is partitioned by. */
const LIST_ALL_FIELDS =
  'List all fields of a unique index as the key of the target, with those that the table is partitioned by.';

async function isPartitioned(database: Queryable, { relation }: Target): Promise<boolean> {
  const rows = await database.$queryRaw<unknown[]>`
    SELECT FROM pg_class WHERE oid = to_regclass(${relation}) AND relkind = 'p'`;
  return rows.length > 0;
}

/** An identity column, or one with a default like that of bigserial. */
async function isFilledBySequence(database: Queryable, { relation, key }: Target): Promise<boolean> {
  const rows = await database.$queryRaw<unknown[]>`
    SELECT FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
    WHERE attrelid = to_regclass(${relation}) AND attname = ${key.columns[0]?.name}
      AND has_column_privilege(attrelid, attnum, 'SELECT')
      AND (attidentity <> '' OR pg_get_expr(adbin, adrelid) LIKE 'nextval(%')`;
  return rows.length > 0;
}

async function hasDuplicates(database: Queryable, { from, key }: Target): Promise<boolean> {
  const rows = await database.$queryRaw<unknown[]>`
    SELECT FROM ${from} GROUP BY ${key.sql} HAVING count(*) > 1 LIMIT 1`;
  return rows.length > 0;
}
