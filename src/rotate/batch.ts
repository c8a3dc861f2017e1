import type { Checkpoint, Key } from '../checkpoint/checkpoints.ts';
import type { CondemnedTokens } from '../checkpoint/condemned-tokens.ts';
import { type Advance, advanceCheckpoint, completes, lockCheckpoint } from '../checkpoint/fence.ts';
import type { Target } from '../config/target.ts';
import type { Tokens } from '../config/tokens.ts';
import type { PlannedContext } from '../context.ts';
import { CONNECTION_TIMEOUT_MS, type Database, type Queryable } from '../database/database.ts';
import { setLimits } from '../database/session.ts';
import { sql } from '../database/sql.ts';
import { rowTriggers } from '../preflight/triggers.ts';
import { SILENT_CLIENT_MS } from './after-batch.ts';
import { countForeign, type Guard, type KeyRange, nextKeys, unswept, updateNext, updateOne } from './token-update.ts';

/** How the transaction of a batch is run. */
export interface TransactionOptions {
  /** Milliseconds to wait for each lock. */
  lockTimeoutMs: number;
  /** Milliseconds that each statement may take. */
  statementTimeoutMs: number;
  /**
   * Whether the commit may be reported before it has reached the disk. Safe: tokens and checkpoint share the commit, so
   * a server that crashes loses both or neither. The batch that completes a partition always waits for the disk.
   */
  asynchronousCommit: boolean;
  /** What a row must not hold after its update; null where that is not known. @default null */
  condemned?: CondemnedTokens | null;
  /** Told which server process does it, before any row is touched. */
  onBackend?: (pid: number) => void;
}

/** What the settings and the plan say about every transaction of a rotation. */
export function transactionOptions({ settings, condemned }: PlannedContext): TransactionOptions {
  const { lockTimeoutMs, statementTimeoutMs, asynchronousCommit } = settings;
  return { lockTimeoutMs, statementTimeoutMs, asynchronousCommit, condemned };
}

/** A batch has a handful of statements, of which one takes long. */
const STATEMENTS_THAT_TAKE_LONG = 2;

/** How long a transaction, and the wait for a connection to run it in, may take; in milliseconds. */
export function limitsOf({ statementTimeoutMs }: TransactionOptions) {
  return { timeout: STATEMENTS_THAT_TAKE_LONG * statementTimeoutMs, maxWait: CONNECTION_TIMEOUT_MS };
}

/** A partition after a batch. */
export interface BatchResult {
  /** As it now stands. */
  checkpoint: Checkpoint;
  /** How many keys were gone through: more than rows were rotated where some are out of scope. */
  keys: number;
}

/**
 * Rotates the next rows of a partition: their tokens and the checkpoint commit together or not at all.
 *
 * @param size how many keys to go through: the next ones after the cursor
 * @throws OvertakenError when another process took the partition over; nothing was changed
 */
export async function rotateBatch(
  database: Database,
  target: Target,
  checkpoint: Checkpoint,
  size: number,
  tokens: Tokens,
  options: TransactionOptions,
): Promise<BatchResult> {
  let keys = 0;
  const advanced = await inFencedTransaction(database, target, checkpoint, options, async (transaction, guard) => {
    const range = unswept(checkpoint);
    const updated = await updateNext(transaction, target, range, size, tokens, guard);
    keys = updated.keys;
    const cursor = keys < size ? range.upTo : updated.lastKey;
    return { cursor, rows: updated.rows, setAside: checkpoint.setAside };
  });
  return { checkpoint: advanced, keys };
}

/**
 * Passes over the next row of a partition without rotating it, and records that in the checkpoint.
 *
 * @param fault why: an SQLSTATE, or NOT_TAKEN
 */
export function setNextAside(
  database: Database,
  target: Target,
  checkpoint: Checkpoint,
  fault: string,
  options: TransactionOptions,
): Promise<Checkpoint> {
  return inFencedTransaction(database, target, checkpoint, options, async (transaction) => {
    // Where the whole table is locked against updates, no single row is to blame: this waits, or fails, instead.
    await transaction.$executeRaw`LOCK TABLE ${target.table} IN ROW EXCLUSIVE MODE`;
    const [next] = await transaction.$queryRaw<{ key: Key }[]>`
      SELECT key::text FROM (${nextKeys(target, unswept(checkpoint), 1)}) AS next`;
    if (next === undefined) return { cursor: checkpoint.upperBound, rows: 0, setAside: checkpoint.setAside };
    return { cursor: next.key, rows: 0, setAside: { ...checkpoint.setAside, [next.key]: fault } };
  });
}

/** Rotates a row that was set aside; one that was deleted since, or is not in scope any more, needs nothing. */
export function rotateSetAside(
  database: Database,
  target: Target,
  checkpoint: Checkpoint,
  key: Key,
  tokens: Tokens,
  options: TransactionOptions,
): Promise<Checkpoint> {
  return inFencedTransaction(database, target, checkpoint, options, async (transaction, guard) => {
    const rows = await updateOne(transaction, target, key, tokens, guard);
    const { [key]: _, ...setAside } = checkpoint.setAside;
    return { cursor: checkpoint.cursor, rows, setAside };
  });
}

/** Records that a row that was set aside cannot be rotated for another reason now. */
export function changeFault(
  database: Database,
  target: Target,
  checkpoint: Checkpoint,
  key: string,
  fault: string,
  options: TransactionOptions,
): Promise<Checkpoint> {
  const setAside = { ...checkpoint.setAside, [key]: fault };
  return inFencedTransaction(database, target, checkpoint, options, async () => ({
    cursor: checkpoint.cursor,
    rows: 0,
    setAside,
  }));
}

/** What a batch costs. */
export interface BatchCost {
  rows: number;
  /** How many of them do not hold a token of the target's form afterwards: a trigger, or `afterBatch`, has changed it. */
  foreign: number;
  durationMs: number;
  /** What the server wrote to its log meanwhile, for other sessions included. */
  walBytes: number;
  /** How much larger table and indexes have become; the space is there to be used again after the next vacuum. */
  growthBytes: number;
}

/** Writes the next rows of a partition as `rotateBatch` does, measures that, and takes it back. */
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
    const { rows, lastKey } = await updateNext(transaction, target, range, size, tokens, guard);
    const durationMs = performance.now() - startedAtMs;
    const foreign = lastKey === null ? 0 : await countForeign(transaction, target, { ...range, upTo: lastKey });
    const after = await readSizes(transaction, target);
    cost = { rows, foreign, durationMs, walBytes: after.wal - before.wal, growthBytes: after.table - before.table };
    throw TAKE_BACK;
  }, limitsOf(options));
  await transaction.catch((error: unknown) => {
    if (error !== TAKE_BACK) throw error;
  });
  if (cost === undefined) throw new Error('the batch was not measured');
  return cost;
}

const TAKE_BACK = new Error('taken back');

async function readSizes(transaction: Queryable, { relation }: Target): Promise<{ wal: number; table: number }> {
  const [sizes] = await transaction.$queryRaw<{ wal: number; table: number }[]>`
    SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float8 AS wal,
      pg_total_relation_size(${relation}::regclass)::float8 AS table`;
  return sizes ?? { wal: 0, table: 0 };
}

/** A transaction that changes something only while the checkpoint is where this process left it, and moves it on. */
function inFencedTransaction(
  database: Database,
  target: Target,
  checkpoint: Checkpoint,
  options: TransactionOptions,
  change: (transaction: Queryable, guard: Guard) => Promise<Advance>,
): Promise<Checkpoint> {
  return database.$transaction(async (transaction) => {
    await configure(transaction, options);
    const { pid, firesTriggers } = await lockCheckpoint(transaction, target, checkpoint);
    options.onBackend?.(pid);
    const advance = await change(transaction, { firesTriggers, condemned: options.condemned ?? null });
    if (completes(checkpoint, advance)) {
      await transaction.$queryRaw`SELECT set_config('synchronous_commit', ${ON_DISK}, true)`;
    }
    return advanceCheckpoint(transaction, target.records, checkpoint, advance);
  }, limitsOf(options));
}

/**
 * Settings for this transaction only, which also hold where a pooler lends the connection for no longer than that.
 *
 * The planner is kept to index scans and merge joins, so that rows are found and locked in key order: sessions that
 * lock in one order cannot deadlock. A scan of the whole table, or compiling the statement, would not pay for a batch.
 */
export async function configure(transaction: Queryable, options: TransactionOptions): Promise<void> {
  await setLimits(transaction, { ...options, silentClientMs: SILENT_CLIENT_MS });
  await transaction.$queryRaw`
    SELECT set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true),
      set_config('enable_hashjoin', 'off', true), set_config('enable_nestloop', 'off', true),
      set_config('jit', 'off', true),
      set_config('synchronous_commit', ${options.asynchronousCommit ? sql`'off'` : ON_DISK}, true)`;
}

/** What the server is set to (`remote_apply`, say), but waiting for its own disk at least. */
const ON_DISK = sql`(
  SELECT CASE reset_val WHEN 'off' THEN 'on' ELSE reset_val END FROM pg_settings WHERE name = 'synchronous_commit')`;
