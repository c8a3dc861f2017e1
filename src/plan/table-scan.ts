import type { Target } from '../config/target.ts';
import { CONNECTION_TIMEOUT_MS, type Database, type Queryable } from '../database/database.ts';
import { setLimits } from '../database/session.ts';
import { type Sql, sql } from '../database/sql.ts';

/** The longest that a table may take, in milliseconds: a day. */
const LONGEST_MS = 86_400_000;

/** Blocks of the table (8 kB each) that one statement reads: some 300,000 rows, in a few tenths of a second. */
const BLOCKS_PER_STATEMENT = 4_096;

/** A stretch of the table itself, in the order in which it lies on disk. */
export interface BlockRange {
  /** From 0. */
  index: number;
  /** The condition that a row of the target lies in it. */
  condition: Sql;
}

/** Progress of a scan, in blocks. */
export interface ScanProgress {
  blocksDone: number;
  blocksTotal: number;
}

/**
 * Does something under one snapshot: everything that it reads is as it was at one moment, however many statements it
 * takes, so a row that moves in the meantime is neither missed nor met twice.
 */
export function inSnapshot<Result>(
  database: Database,
  isReadOnly: boolean,
  work: (transaction: Queryable) => Promise<Result>,
): Promise<Result> {
  return database.$transaction(
    async (transaction) => {
      await setLimits(transaction);
      await transaction.$queryRaw`
        SELECT set_config('transaction_read_only', ${isReadOnly ? 'on' : 'off'}, true),
          set_config('work_mem', '64MB', true), set_config('jit', 'off', true)`;
      return work(transaction);
    },
    { isolationLevel: 'RepeatableRead', timeout: LONGEST_MS, maxWait: CONNECTION_TIMEOUT_MS },
  );
}

/**
 * Goes through the table itself, a stretch at a time. No index is asked, since one may be wrong (after a collation has
 * changed its order, say).
 *
 * @param transaction one of `inSnapshot`: blocks that are added later hold nothing that it sees
 * @throws AbortError between two stretches when the signal is aborted
 */
export async function scanBlocks(
  transaction: Queryable,
  { relation }: Target,
  signal: AbortSignal,
  read: (range: BlockRange) => Promise<void>,
  onProgress: (progress: ScanProgress) => void = () => {},
): Promise<void> {
  const [size] = await transaction.$queryRaw<{ blocks: number }[]>`
    SELECT (pg_relation_size(${relation}::regclass) / current_setting('block_size')::int)::float8 AS blocks`;
  const blocksTotal = size?.blocks ?? 0;
  for (let index = 0; index * BLOCKS_PER_STATEMENT < blocksTotal; index += 1) {
    signal.throwIfAborted();
    await read({ index, condition: inBlocks(index * BLOCKS_PER_STATEMENT) });
    onProgress({ blocksDone: Math.min(blocksTotal, (index + 1) * BLOCKS_PER_STATEMENT), blocksTotal });
  }
}

function inBlocks(first: number): Sql {
  const [from, to] = [`(${first},0)`, `(${first + BLOCKS_PER_STATEMENT},0)`];
  return sql`target.ctid >= ${from}::tid AND target.ctid < ${to}::tid`;
}
