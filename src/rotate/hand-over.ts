/** Hands the rows of a batch over to the target's `afterBatch`. */

import { keyOf, type Target } from '../config/target.ts';
import type { Tokens } from '../config/tokens.ts';
import type { Queryable } from '../database/database.ts';
import { letPlannerChoose } from '../database/planner.ts';
import { type Sql, sql } from '../database/sql.ts';
import { callAfterBatch } from './after-batch.ts';

/** Selects what `afterBatch` needs of an updated row, if the target has one. */
export function handedOf({ afterBatch, key, token }: Target, place: Sql): Sql {
  return afterBatch === null ? sql`1` : sql`json_build_array(${key.sql}::text, ${place}, ${token.sql}::text)`;
}

/** Result of an update's statement. */
export interface Updated {
  rows: number;
  /** Key, place and stored token of each row; null if there are no rows, or no `afterBatch`. */
  handed: [key: string, place: number, token: string][] | null;
}

/** Calls the target's `afterBatch`, if it has one, with tokens in clear: a stored hash is of no use to it. */
export async function handOver(
  transaction: Queryable,
  target: Target,
  handed: Updated['handed'],
  tokens: Tokens,
): Promise<void> {
  if (target.afterBatch === null || handed === null) return;
  const tokenOf = (place: number, stored: string) =>
    tokens !== 'database' && 'fresh' in tokens && target.kind.isHashed ? (tokens.fresh[place - 1] ?? '') : stored;
  const rows = handed.map(([key, place, stored]) => ({ key: keyOf(target, key), token: tokenOf(place, stored) }));
  await letPlannerChoose(transaction);
  await callAfterBatch(target.afterBatch, transaction, rows);
}
