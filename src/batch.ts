import { arrayLiteral } from './array-literal.ts';
import { type Advance, advanceCheckpoint, type Checkpoint, lockCheckpoint } from './checkpoint.ts';
import { CONNECTION_TIMEOUT_MS, type Database, type Queryable } from './database.ts';
import { Prisma } from './generated/prisma/client.ts';

/** What one batch is to write. */
export interface Batch {
  /** The most rows to rotate: the next ones after the cursor. */
  size: number;
  /** One fresh token for each row, or `database` to have PostgreSQL make them. */
  tokens: readonly string[] | 'database';
  /**
   * Whether the commit may be reported before it has reached the disk. Safe: tokens and checkpoint share the commit, so
   * a server that crashes loses both or neither. The batch that completes a partition always waits for the disk.
   */
  asynchronousCommit: boolean;
}

/**
 * How long a batch's transaction may take, in milliseconds, waiting for rows that somebody else has locked included.
 * Prisma's own default of 5 s would give up on the first slow transaction of the application.
 */
const BATCH_TIMEOUT_MS = 120_000;

/**
 * Rotates the next rows of a partition: their tokens and the checkpoint commit together or not at all.
 *
 * @param onBackend told which server process does it, before any row is touched
 * @returns the checkpoint as it now stands
 * @throws OvertakenError when another process took the partition over; nothing was changed
 */
export function rotateBatch(
  database: Database,
  checkpoint: Checkpoint,
  batch: Batch,
  onBackend: (pid: number) => void = () => {},
): Promise<Checkpoint> {
  return database.$transaction(
    async (transaction) => {
      onBackend(await lockCheckpoint(transaction, checkpoint));
      const range = { after: checkpoint.cursor ?? checkpoint.lowerBound, upTo: checkpoint.upperBound };
      const { lastKey, keys, rows } =
        batch.tokens === 'database'
          ? await updateByDatabase(transaction, range, batch.size)
          : await updateWith(transaction, range, batch.size, batch.tokens);
      const complete = keys < batch.size || lastKey === range.upTo;
      if (batch.asynchronousCommit && !complete) {
        await transaction.$executeRaw`SELECT set_config('synchronous_commit', 'off', true)`;
      }
      const advance: Advance = { cursor: lastKey ?? checkpoint.cursor, rows, complete };
      return advanceCheckpoint(transaction, checkpoint, advance);
    },
    { timeout: BATCH_TIMEOUT_MS, maxWait: CONNECTION_TIMEOUT_MS },
  );
}

interface Updated {
  /** The highest key of the page; null when the range has no more rows. */
  lastKey: bigint | null;
  /** How many keys the page has: fewer than asked for at the end of the range only. */
  keys: number;
  /** How many of them still had a row to update. */
  rows: number;
}

/** A stretch of the key range. */
interface KeyRange {
  /** Exclusive; null: from the first key. */
  after: bigint | null;
  /** Inclusive. */
  upTo: bigint;
}

/**
 * The page and the update in one statement: the next keys after the cursor, each with the token of its place. No key
 * travels to the client and back, and no row can come or go between reading the page and writing it.
 */
async function updateWith(transaction: Queryable, range: KeyRange, size: number, tokens: readonly string[]) {
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

function within({ after, upTo }: KeyRange, key: Prisma.Sql): Prisma.Sql {
  const upper = Prisma.sql`${key} <= ${upTo}`;
  return after === null ? upper : Prisma.sql`${key} > ${after} AND ${upper}`;
}
