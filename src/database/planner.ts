/** The planner's settings for the transaction of a batch: set and undone here. */

import type { Queryable } from './database.ts';
import { sql } from './sql.ts';

/**
 * Expressions for a SELECT that limits the planner to index scans and merge joins for the rest of a transaction. So rows
 * are found and locked in key order, and sessions that lock in one order cannot deadlock. Neither a scan of the whole
 * table nor compiling the statement (JIT) would pay off for one batch.
 */
export const BATCH_PLANNER = sql`
  set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true),
  set_config('enable_hashjoin', 'off', true), set_config('enable_nestloop', 'off', true), set_config('jit', 'off', true)`;

/** For rows that are found by a list of keys, not by a range. */
export async function allowNestedLoops(transaction: Queryable): Promise<void> {
  await transaction.$queryRaw`SELECT set_config('enable_nestloop', 'on', true)`;
}

/** Undoes `BATCH_PLANNER` for statements that are not those of a batch and may need other plans. */
export async function letPlannerChoose(transaction: Queryable): Promise<void> {
  await transaction.$queryRaw`
    SELECT set_config(name, reset_val, true)::text FROM pg_settings WHERE name LIKE 'enable\_%' OR name = 'jit'`;
}
