import { inScope, type KeyCondition, type Target } from '../config/target.ts';
import type { Queryable } from '../database/database.ts';
import { allowNestedLoops } from '../database/planner.ts';
import { type Sql, sql } from '../database/sql.ts';

/**
 * Locks rows of a target with a scope, in key order, and then has the scope looked at again: so no row is changed that
 * somebody takes out of it while its lock is waited for.
 *
 * @returns the condition for the rows to update, in a statement of its own
 */
export async function lockScope(transaction: Queryable, target: Target, rows: KeyCondition): Promise<Sql> {
  const { from, key, scope } = target;
  if (scope === null) return rows(key.sql);
  await allowNestedLoops(transaction);
  const [locked] = await transaction.$queryRaw<{ keys: string | null }[]>`
    SELECT array_agg(key)::text AS keys FROM (
      SELECT ${key.sql} AS key FROM ${from} WHERE ${rows(key.sql)} AND ${inScope(target, rows)}
      ORDER BY ${key.sql} FOR UPDATE OF target
    ) AS locked`;
  const isLocked = isOneOf(target, locked?.keys ?? '{}');
  return sql`${rows(key.sql)} AND ${isLocked(key.sql)} AND ${inScope(target, rows)}`;
}

/** @param keys as an array's text. An empty array of the column gives them the column's type and collation */
export function isOneOf({ from, key }: Target, keys: string): KeyCondition {
  const given = sql`unnest(ARRAY(SELECT ${key.sql} FROM ${from} LIMIT 0) || ${keys})`;
  return (column) => sql`${column} IN (SELECT ${given})`;
}
