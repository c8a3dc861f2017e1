import { arrayLiteral } from './array-literal.ts';
import { advanceCheckpoint, type Checkpoint, lockCheckpoint } from './checkpoint.ts';
import { CONNECTION_TIMEOUT_MS, type Database, type Queryable } from './database.ts';
import type { Page } from './page.ts';

/**
 * How long a batch's transaction may take, in milliseconds, waiting for rows that somebody else has locked included.
 * Prisma's own default of 5 s would give up on the first slow transaction of the application.
 */
const BATCH_TIMEOUT_MS = 120_000;

/**
 * Writes one batch: its tokens and its checkpoint commit together or not at all.
 *
 * @param tokens one for each key of the page
 * @returns the checkpoint as it now stands
 * @throws OvertakenError when another process took the partition over; nothing was changed
 */
export function rotateBatch(
  database: Database,
  checkpoint: Checkpoint,
  page: Page,
  tokens: string[],
): Promise<Checkpoint> {
  return database.$transaction(
    async (transaction) => {
      await lockCheckpoint(transaction, checkpoint);
      const rows = await updateTokens(transaction, page, tokens);
      return advanceCheckpoint(transaction, checkpoint, page.lastKey, rows);
    },
    { timeout: BATCH_TIMEOUT_MS, maxWait: CONNECTION_TIMEOUT_MS },
  );
}

/** @returns how many rows were there to update: those deleted since the page was read are no error */
function updateTokens(transaction: Queryable, page: Page, tokens: string[]): Promise<number> {
  // The bounds look redundant and are not: without them the planner may join by a sequential scan of the whole table.
  return transaction.$executeRaw`
    UPDATE tickets AS ticket SET token = fresh.token
    FROM unnest(${arrayLiteral(page.keys)}::bigint[], ${arrayLiteral(tokens)}::uuid[]) AS fresh (id, token)
    WHERE ticket.id = fresh.id AND ticket.id >= ${page.firstKey} AND ticket.id <= ${page.lastKey}`;
}
