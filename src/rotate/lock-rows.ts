import type { Key } from '../checkpoint/checkpoints.ts';
import { inScope, type KeyCondition, type Target } from '../config/target.ts';
import type { Queryable } from '../database/database.ts';
import { allowNestedLoops } from '../database/planner.ts';
import { type Sql, sql } from '../database/sql.ts';

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
  const [locked] = await transaction.$queryRaw<{ array: string | null; keys: Key[] | null }[]>`
    SELECT array_agg(key)::text AS array, ${set === null ? sql`NULL` : sql`json_agg(key::text)`} AS keys FROM (
      SELECT ${key.sql} AS key FROM ${from} WHERE ${rows(key.sql)} AND ${inScope(target, rows)}
      ORDER BY ${key.sql} FOR UPDATE OF target
    ) AS locked`;
  const isLocked = isOneOf(target, locked?.array ?? '{}');
  return {
    where: sql`${rows(key.sql)} AND ${isLocked(key.sql)} AND ${inScope(target, rows)}`,
    keys: set === null ? null : (locked?.keys ?? []),
  };
}

/** @param keys as an array's text */
export function isOneOf(target: Target, keys: string): KeyCondition {
  return (column) => sql`${column} IN (SELECT unnest(${arrayOf(target, target.key, keys)}))`;
}

/** @param values as an array's text. An empty array of the column gives them the column's type and collation */
export function arrayOf({ from }: Target, column: Target['key'], values: string): Sql {
  return sql`(ARRAY(SELECT ${column.sql} FROM ${from} LIMIT 0) || ${values})`;
}
