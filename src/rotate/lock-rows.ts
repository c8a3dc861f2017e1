import type { Key } from '../checkpoint/checkpoints.ts';
import { arraysIn, keyTextIn } from '../config/key.ts';
import { inScope, type KeyCondition, keyArrays, type Target } from '../config/target.ts';
import type { Queryable } from '../database/database.ts';
import { allowNestedLoops } from '../database/planner.ts';
import { join, type Sql, sql } from '../database/sql.ts';

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
  const [locked] = await transaction.$queryRaw<{ arrays: (string | null)[]; keys: Key[] | null }[]>`
    SELECT ${arraysIn(key)} AS arrays,
      ${set === null ? sql`NULL` : sql`json_agg(${keyTextIn(key, 'locked')})`} AS keys
    FROM (
      SELECT ${key.selected} FROM ${from} WHERE ${rows(key.sql)} AND ${inScope(target, rows)}
      ORDER BY ${key.ascending} FOR UPDATE OF target
    ) AS locked`;
  const arrays = locked?.arrays.map((array) => array ?? '{}') ?? [];
  const isLocked = isOneOf(target, arrays);
  return {
    where: sql`${rows(key.sql)} AND ${isLocked(key.sql)} AND ${inScope(target, rows)}`,
    keys: set === null ? null : (locked?.keys ?? []),
  };
}

/** @param keys the text of an array for each column of the key */
export function isOneOf(target: Target, keys: readonly string[]): KeyCondition {
  return (key) => sql`${key} IN (SELECT * FROM unnest(${join(keyArrays(target, keys))}) AS given)`;
}
