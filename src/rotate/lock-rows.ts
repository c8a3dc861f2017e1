import type { Key } from '../checkpoint/checkpoints.ts';
import { keyTextIn, partsOf } from '../config/key.ts';
import { type Column, inScope, type KeyCondition, type Target } from '../config/target.ts';
import { arrayLiteral } from '../database/array-literal.ts';
import type { Queryable } from '../database/database.ts';
import { allowNestedLoops } from '../database/planner.ts';
import { identifier, join, type Sql, sql } from '../database/sql.ts';

/** Rows to update. */
export interface RowsToUpdate {
  /** The condition for them, in a statement of its own. */
  where: Sql;
  /** Their keys in order; null: not needed. */
  keys: Key[] | null;
}

/**
 * Locks rows in key order, where a target needs that. With a scope, it is looked at again afterwards: so no row is changed
 * that somebody takes out of it while its lock is waited for. With old tokens, nobody changes them once they are read.
 */
export async function lockRows(transaction: Queryable, target: Target, rows: KeyCondition): Promise<RowsToUpdate> {
  const { from, key, scope, set, withOldTokens } = target;
  if (scope === null && set === null && !withOldTokens) return { where: rows(key.sql), keys: null };
  await allowNestedLoops(transaction);
  const arrays = key.columns.map((_, index) => sql`array_agg(${identifier(`key_${index}`)})::text`);
  const [locked] = await transaction.$queryRaw<{ arrays: (string | null)[]; keys: Key[] | null }[]>`
    SELECT ARRAY[${join(arrays)}] AS arrays,
      ${set === null ? sql`NULL` : sql`json_agg(${keyTextIn(key, 'locked')})`} AS keys
    FROM (
      SELECT ${key.selected} FROM ${from} WHERE ${rows(key.sql)} AND ${inScope(target, rows)}
      ORDER BY ${key.ascending} FOR UPDATE OF target
    ) AS locked`;
  const isLocked = isOneOf(
    target,
    key.columns.map((_, index) => locked?.arrays[index] ?? '{}'),
  );
  return {
    where: sql`${rows(key.sql)} AND ${isLocked(key.sql)} AND ${inScope(target, rows)}`,
    keys: set === null ? null : (locked?.keys ?? []),
  };
}

/** @param keys the text of an array for each column of the key */
export function isOneOf(target: Target, keys: readonly string[]): KeyCondition {
  return (key) => sql`${key} IN (SELECT * FROM unnest(${join(typedArrays(target, keys))}) AS given)`;
}

/** The texts of arrays of keys, one for each column of the key. */
export function arraysOf({ key }: Target, keys: readonly Key[]): string[] {
  const parts = keys.map((each) => partsOf(key, each));
  return key.columns.map((_, index) => arrayLiteral(parts.map((part) => part[index] ?? '')));
}

export function typedArrays(target: Target, keys: readonly string[]): Sql[] {
  return target.key.columns.map((column, index) => arrayOf(target, column, keys[index] ?? '{}'));
}

/** @param values as an array's text. An empty array of the column gives them the column's type and collation */
export function arrayOf({ from }: Target, column: Column, values: string): Sql {
  return sql`(ARRAY(SELECT ${column.sql} FROM ${from} LIMIT 0) || ${values})`;
}
