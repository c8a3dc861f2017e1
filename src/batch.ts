import { arrayLiteral } from './array-literal.ts';
import { type Advance, advanceCheckpoint, type Checkpoint, completes, lockCheckpoint } from './checkpoint.ts';
import { CONNECTION_TIMEOUT_MS, type Database, type Queryable } from './database.ts';
import { Prisma } from './generated/prisma/client.ts';
import type { Tokens } from './tokens.ts';

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
  /** Told which server process does it, before any row is touched. */
  onBackend?: (pid: number) => void;
}

/**
 * How long the server keeps the locks of a batch whose client has gone silent (stopped, cut off, swapped out), in
 * milliseconds. A living one is never silent for more than an instant between two statements.
 */
const SILENT_CLIENT_MS = 5_000;

/** A batch has a handful of statements, of which one takes long. */
const STATEMENTS_THAT_TAKE_LONG = 2;

/** How long a transaction, and the wait for a connection to run it in, may take; in milliseconds. */
function limitsOf({ statementTimeoutMs }: TransactionOptions) {
  return { timeout: STATEMENTS_THAT_TAKE_LONG * statementTimeoutMs, maxWait: CONNECTION_TIMEOUT_MS };
}

/**
 * Rotates the next rows of a partition: their tokens and the checkpoint commit together or not at all.
 *
 * @param size the most rows to rotate: the next ones after the cursor
 * @returns the checkpoint as it now stands
 * @throws OvertakenError when another process took the partition over; nothing was changed
 */
export function rotateBatch(
  database: Database,
  checkpoint: Checkpoint,
  size: number,
  tokens: Tokens,
  options: TransactionOptions,
): Promise<Checkpoint> {
  return inFencedTransaction(database, checkpoint, options, async (transaction) => {
    const range = unswept(checkpoint);
    const { lastKey, keys, rows } = await updateNext(transaction, range, size, tokens);
    return { cursor: keys < size ? range.upTo : lastKey, rows, setAside: checkpoint.setAside };
  });
}

/**
 * Passes over the next row of a partition without rotating it, and records that in the checkpoint.
 *
 * @param fault the SQLSTATE of why
 */
export function setNextAside(
  database: Database,
  checkpoint: Checkpoint,
  fault: string,
  options: TransactionOptions,
): Promise<Checkpoint> {
  return inFencedTransaction(database, checkpoint, options, async (transaction) => {
    // Where the whole table is locked against updates, no single row is to blame: this waits, or fails, instead.
    await transaction.$executeRaw`LOCK TABLE tickets IN ROW EXCLUSIVE MODE`;
    const [next] = await transaction.$queryRaw<{ id: bigint }[]>(nextKeys(unswept(checkpoint), 1));
    if (next === undefined) return { cursor: checkpoint.upperBound, rows: 0, setAside: checkpoint.setAside };
    return { cursor: next.id, rows: 0, setAside: { ...checkpoint.setAside, [String(next.id)]: fault } };
  });
}

/** Rotates a row that was set aside; one that has been deleted since needs nothing. */
export function rotateSetAside(
  database: Database,
  checkpoint: Checkpoint,
  key: string,
  tokens: Tokens,
  options: TransactionOptions,
): Promise<Checkpoint> {
  return inFencedTransaction(database, checkpoint, options, async (transaction) => {
    const token = tokens === 'database' ? Prisma.sql`gen_random_uuid()` : Prisma.sql`${tokens[0]}::uuid`;
    const rows = await transaction.$executeRaw`UPDATE tickets SET token = ${token} WHERE id = ${BigInt(key)}`;
    const { [key]: _, ...setAside } = checkpoint.setAside;
    return { cursor: checkpoint.cursor, rows, setAside };
  });
}

/** Records that a row that was set aside cannot be rotated for another reason now. */
export function changeFault(
  database: Database,
  checkpoint: Checkpoint,
  key: string,
  fault: string,
  options: TransactionOptions,
): Promise<Checkpoint> {
  const setAside = { ...checkpoint.setAside, [key]: fault };
  return inFencedTransaction(database, checkpoint, options, async () => ({
    cursor: checkpoint.cursor,
    rows: 0,
    setAside,
  }));
}

/** What a batch costs. */
export interface BatchCost {
  rows: number;
  durationMs: number;
  /** What the server wrote to its log meanwhile, for other sessions included. */
  walBytes: number;
  /** How much larger table and indexes have become; the space is there to be used again after the next vacuum. */
  growthBytes: number;
}

/** Writes the next rows of a partition as `rotateBatch` does, measures that, and takes it back. */
export async function rehearseBatch(
  database: Database,
  range: KeyRange,
  size: number,
  tokens: Tokens,
  options: TransactionOptions,
): Promise<BatchCost> {
  let cost: BatchCost | undefined;
  const transaction = database.$transaction(async (transaction) => {
    await configure(transaction, options);
    const before = await readSizes(transaction);
    const startedAtMs = performance.now();
    const { rows } = await updateNext(transaction, range, size, tokens);
    const durationMs = performance.now() - startedAtMs;
    const after = await readSizes(transaction);
    cost = { rows, durationMs, walBytes: after.wal - before.wal, growthBytes: after.table - before.table };
    throw TAKE_BACK;
  }, limitsOf(options));
  await transaction.catch((error: unknown) => {
    if (error !== TAKE_BACK) throw error;
  });
  if (cost === undefined) throw new Error('the batch was not measured');
  return cost;
}

const TAKE_BACK = new Error('taken back');

async function readSizes(transaction: Queryable): Promise<{ wal: number; table: number }> {
  const [sizes] = await transaction.$queryRaw<{ wal: number; table: number }[]>`
    SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float8 AS wal,
      pg_total_relation_size('tickets')::float8 AS table`;
  return sizes ?? { wal: 0, table: 0 };
}

/** A transaction that changes something only while the checkpoint is where this process left it, and moves it on. */
function inFencedTransaction(
  database: Database,
  checkpoint: Checkpoint,
  options: TransactionOptions,
  change: (transaction: Queryable) => Promise<Advance>,
): Promise<Checkpoint> {
  return database.$transaction(async (transaction) => {
    await configure(transaction, options);
    const pid = await lockCheckpoint(transaction, checkpoint);
    options.onBackend?.(pid);
    const advance = await change(transaction);
    if (completes(checkpoint, advance)) {
      await transaction.$queryRaw`SELECT set_config('synchronous_commit', ${ON_DISK}, true)`;
    }
    return advanceCheckpoint(transaction, checkpoint, advance);
  }, limitsOf(options));
}

/**
 * Settings for this transaction only, which also hold where a pooler lends the connection for no longer than that.
 *
 * The planner is kept to index scans and merge joins, so that rows are found and locked in key order: sessions that
 * lock in one order cannot deadlock. A scan of the whole table, or compiling the statement, would not pay for a batch.
 */
async function configure(transaction: Queryable, options: TransactionOptions): Promise<void> {
  await transaction.$queryRaw`
    SELECT set_config('lock_timeout', ${`${options.lockTimeoutMs}ms`}, true),
      set_config('statement_timeout', ${`${options.statementTimeoutMs}ms`}, true),
      set_config('idle_in_transaction_session_timeout', ${`${SILENT_CLIENT_MS}ms`}, true),
      set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true),
      set_config('enable_hashjoin', 'off', true), set_config('enable_nestloop', 'off', true),
      set_config('jit', 'off', true),
      set_config('synchronous_commit', ${options.asynchronousCommit ? Prisma.sql`'off'` : ON_DISK}, true)`;
}

/** What the server is set to (`remote_apply`, say), but waiting for its own disk at least. */
const ON_DISK = Prisma.sql`(
  SELECT CASE reset_val WHEN 'off' THEN 'on' ELSE reset_val END FROM pg_settings WHERE name = 'synchronous_commit')`;

interface Updated {
  /** The highest key of the page; null when the range has no more rows. */
  lastKey: bigint | null;
  /** How many keys the page has: fewer than asked for at the end of the range only. */
  keys: number;
  /** How many of them still had a row to update. */
  rows: number;
}

/** A stretch of the key range. */
export interface KeyRange {
  /** Exclusive; null: from the first key. */
  after: bigint | null;
  /** Inclusive. */
  upTo: bigint;
}

function updateNext(transaction: Queryable, range: KeyRange, size: number, tokens: Tokens): Promise<Updated> {
  return tokens === 'database'
    ? updateByDatabase(transaction, range, size)
    : updateWith(transaction, range, size, tokens);
}

/**
 * The page and the update in one statement: the next keys after the cursor, each with the token of its place. No key
 * travels to the client and back, and no row can come or go between reading the page and writing it.
 */
async function updateWith(
  transaction: Queryable,
  range: KeyRange,
  size: number,
  tokens: readonly string[],
): Promise<Updated> {
  // The bounds on ticket.id look redundant and are not: without them the planner may choose to scan the whole table.
  const [updated] = await transaction.$queryRaw<Updated[]>`
    WITH page AS MATERIALIZED (
      SELECT id, row_number() OVER (ORDER BY id) AS place FROM (${nextKeys(range, size)}) AS next
    ), updated AS (
      UPDATE tickets AS ticket SET token = (${arrayLiteral(tokens)}::uuid[])[page.place]
      FROM page WHERE ticket.id = page.id AND ${within(range, Prisma.sql`ticket.id`)}
      RETURNING 1
    )
    SELECT max(id) AS "lastKey", count(*)::int AS keys, (SELECT count(*)::int FROM updated) AS rows FROM page`;
  return updated ?? NOTHING;
}

/** Finds where the page ends, then updates up to there: cheaper than the above where rows need not be numbered. */
async function updateByDatabase(transaction: Queryable, range: KeyRange, size: number): Promise<Updated> {
  const [page] = await transaction.$queryRaw<Pick<Updated, 'lastKey' | 'keys'>[]>`
    SELECT max(id) AS "lastKey", count(*)::int AS keys FROM (${nextKeys(range, size)}) AS next`;
  if (page?.lastKey == null) return NOTHING;
  const rows = await transaction.$executeRaw`
    UPDATE tickets SET token = gen_random_uuid() WHERE ${within({ ...range, upTo: page.lastKey }, Prisma.sql`id`)}`;
  return { ...page, rows };
}

const NOTHING: Updated = { lastKey: null, keys: 0, rows: 0 };

/** Keyset pagination. */
function nextKeys(range: KeyRange, size: number): Prisma.Sql {
  return Prisma.sql`SELECT id FROM tickets WHERE ${within(range, Prisma.sql`id`)} ORDER BY id LIMIT ${size}`;
}

/** What the cursor has yet to go through. */
export function unswept({
  cursor,
  lowerBound,
  upperBound,
}: Pick<Checkpoint, 'cursor' | 'lowerBound' | 'upperBound'>): KeyRange {
  return { after: cursor ?? lowerBound, upTo: upperBound };
}

function within({ after, upTo }: KeyRange, key: Prisma.Sql): Prisma.Sql {
  const upper = Prisma.sql`${key} <= ${upTo}`;
  return after === null ? upper : Prisma.sql`${key} > ${after} AND ${upper}`;
}
