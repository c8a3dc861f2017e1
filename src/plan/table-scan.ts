import type { Target } from '../config/target.ts';
import { CONNECTION_TIMEOUT_MS, type Database, type Queryable } from '../database/database.ts';
import { rowTablesOf } from '../database/row-tables.ts';
import { setLimits } from '../database/session.ts';
import { raw, type Sql, sql } from '../database/sql.ts';

/** The longest that a table may take, in milliseconds: a day. */
const LONGEST_MS = 86_400_000;

/** Blocks (8 kB each) that one statement reads: some 300,000 rows, in a few tenths of a second. */
export const BLOCKS_PER_STATEMENT = 4_096;

/** A stretch of the table itself, in the order in which it lies on disk; of a partitioned one, the same of each partition. */
export interface BlockRange {
  /** From 0. */
  index: number;
  /** The condition that a row of the target lies in it. */
  condition: Sql;
}

/** Transactions, or a pool, that a scan reads through. */
export type Readers = readonly [Queryable, ...Queryable[]];

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
  return database.$transaction(async (transaction) => {
    await prepare(transaction, isReadOnly);
    return work(transaction);
  }, OPTIONS);
}

/**
 * The same with several transactions that only read, each on a connection of its own, so that the server can use as many
 * processors.
 *
 * @param readers how many; the pool must have as many connections
 */
export function inSharedSnapshot<Result>(
  database: Database,
  readers: number,
  work: (transactions: Readers) => Promise<Result>,
): Promise<Result> {
  return inSnapshot(database, true, async (first) => {
    if (readers === 1) return work([first]);
    const [exported] = await first.$queryRaw<{ id: string }[]>`SELECT pg_export_snapshot() AS id`;
    const snapshot = raw(`'${exported?.id}'`);
    const withOthers = (transactions: Readers): Promise<Result> =>
      transactions.length === readers
        ? work(transactions)
        : database.$transaction(async (next) => {
            await next.$executeRaw`SET TRANSACTION SNAPSHOT ${snapshot}`; // must be the first statement
            await prepare(next, true);
            return withOthers([...transactions, next]);
          }, OPTIONS);
    return withOthers([first]);
  });
}

const OPTIONS = { isolationLevel: 'RepeatableRead', timeout: LONGEST_MS, maxWait: CONNECTION_TIMEOUT_MS } as const;

async function prepare(transaction: Queryable, isReadOnly: boolean): Promise<void> {
  await setLimits(transaction);
  await transaction.$queryRaw`
    SELECT set_config('transaction_read_only', ${isReadOnly ? 'on' : 'off'}, true),
      set_config('work_mem', '64MB', true), set_config('jit', 'off', true)`;
}

/**
 * Goes through the table itself, a stretch at a time. No index is asked, since one may be wrong (after a collation has
 * changed its order, say).
 *
 * @param readers transactions under one snapshot, which take turns: blocks that are added later hold nothing that they see
 * @param blocksPerStatement of all partitions together
 * @throws AbortError between two stretches when the signal is aborted
 */
export async function scanBlocks(
  readers: Readers,
  { relation }: Target,
  signal: AbortSignal,
  read: (reader: Queryable, range: BlockRange) => Promise<void>,
  onProgress: (progress: ScanProgress) => void = () => {},
  blocksPerStatement = BLOCKS_PER_STATEMENT,
): Promise<void> {
  const { blocksTotal, tables } = await sizeOf(readers[0], relation);
  const blocks = Math.max(1, Math.floor(blocksPerStatement / Math.max(1, tables)));
  const stretches = Math.ceil(blocksTotal / blocks);
  let next = 0;
  let done = 0;
  const readStretches = async (reader: Queryable) => {
    while (next < stretches) {
      signal.throwIfAborted();
      const index = next;
      next += 1;
      await read(reader, { index, condition: inBlocks(index * blocks, blocks) });
      done += 1;
      onProgress({ blocksDone: Math.min(blocksTotal, done * blocks), blocksTotal });
    }
  };
  await Promise.all(
    readers.map((reader) =>
      readStretches(reader).catch((error: unknown) => {
        next = stretches; // the others stop, too
        throw error;
      }),
    ),
  );
}

/** Size of a table, or of the largest of its partitions, of which there are so many; one that has none is its only one. */
async function sizeOf(database: Queryable, relation: string): Promise<{ blocksTotal: number; tables: number }> {
  const [size] = await database.$queryRaw<{ blocksTotal: number; tables: number }[]>`
    SELECT coalesce(max(pg_relation_size(oid)) / current_setting('block_size')::int, 0)::float8 AS "blocksTotal",
      count(*)::float8 AS tables FROM ${rowTablesOf({ relation })} AS tables`;
  return size ?? { blocksTotal: 0, tables: 0 };
}

/** @returns at most how many blocks a table has, its partitions included */
export async function tableBlocks(database: Queryable, { relation }: Target): Promise<number> {
  const { blocksTotal, tables } = await sizeOf(database, relation);
  return blocksTotal * tables;
}

function inBlocks(first: number, blocks: number): Sql {
  const [from, to] = [`(${first},0)`, `(${first + blocks},0)`];
  return sql`target.ctid >= ${from}::tid AND target.ctid < ${to}::tid`;
}
