import type { Target } from '../config/target.ts';
import type { Tokens } from '../config/tokens.ts';
import type { Database, Queryable } from '../database/database.ts';
import { rowTablesOf } from '../database/row-tables.ts';
import { rowTriggers } from '../preflight/triggers.ts';
import type { KeyRange } from './page.ts';
import { countForeign } from './taken.ts';
import { updateNext } from './token-update.ts';
import { configure, limitsOf, type TransactionOptions } from './transaction.ts';

/** The cost of a batch. */
export interface BatchCost {
  rows: number;
  /** Rows whose token does not have the target's form afterwards, because a trigger or `afterBatch` changed it. */
  foreign: number;
  durationMs: number;
  /** Bytes of WAL that the server wrote in the meantime, for other sessions, too. */
  walBytes: number;
  /** Bytes by which table and indexes grew; vacuum makes the space available again. */
  growthBytes: number;
}

/** Writes the next rows of a partition as `rotateBatch` does, measures that, and rolls it back. */
export async function rehearseBatch(
  database: Database,
  target: Target,
  range: KeyRange,
  size: number,
  tokens: Tokens,
  options: TransactionOptions,
): Promise<BatchCost> {
  let cost: BatchCost | undefined;
  const transaction = database.$transaction(async (transaction) => {
    await configure(transaction, options);
    const before = await readSizes(transaction, target);
    const startedAtMs = performance.now();
    const firesTriggers = (await rowTriggers(transaction, target)).length > 0;
    const guard = { firesTriggers, condemned: options.condemned ?? null };
    const { rows, end } = await updateNext(transaction, target, range, size, tokens, guard);
    const durationMs = performance.now() - startedAtMs;
    const foreign = await countForeign(transaction, target, { ...range, upTo: end });
    const after = await readSizes(transaction, target);
    cost = { rows, foreign, durationMs, walBytes: after.wal - before.wal, growthBytes: after.table - before.table };
    throw ROLLED_BACK;
  }, limitsOf(options));
  await transaction.catch((error: unknown) => {
    if (error !== ROLLED_BACK) throw error;
  });
  if (cost === undefined) throw new Error('the batch was not measured');
  return cost;
}

const ROLLED_BACK = new Error('rolled back');

async function readSizes(transaction: Queryable, { relation }: Target): Promise<{ wal: number; table: number }> {
  const [sizes] = await transaction.$queryRaw<{ wal: number; table: number }[]>`
    SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float8 AS wal,
      (SELECT coalesce(sum(pg_total_relation_size(oid)), 0)::float8 FROM ${rowTablesOf({ relation })} AS tables) AS table`;
  return sizes ?? { wal: 0, table: 0 };
}
