import type { Checkpoint, Key } from '../checkpoint/checkpoints.ts';
import type { Target } from '../config/target.ts';
import type { Tokens } from '../config/tokens.ts';
import type { Database } from '../database/database.ts';
import { keyAt, unswept } from './page.ts';
import { updateNext, updateOne } from './token-update.ts';
import { inFencedTransaction, type TransactionOptions } from './transaction.ts';

/** A partition after a batch. */
export interface BatchResult {
  /** As it is now. */
  checkpoint: Checkpoint;
  /** Keys that the cursor passed: more than rows were rotated if some are out of scope. */
  keys: number;
}

/**
 * Rotates the next rows of a partition: their tokens and the checkpoint commit together or not at all.
 *
 * @param size number of keys after the cursor
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
    const page = await updateNext(transaction, target, unswept(checkpoint), size, tokens, guard);
    keys = page.keys;
    return { cursor: page.end, rows: page.rows, setAside: checkpoint.setAside };
  });
  return { checkpoint: advanced, keys };
}

/**
 * Skips the next row of a partition and records that in the checkpoint.
 *
 * @param fault the reason: an SQLSTATE or NOT_TAKEN
 */
export function setNextAside(
  database: Database,
  target: Target,
  checkpoint: Checkpoint,
  fault: string,
  options: TransactionOptions,
): Promise<Checkpoint> {
  return inFencedTransaction(database, target, checkpoint, options, async (transaction) => {
    // If the whole table is locked against updates, no single row is to blame: this statement waits or fails instead.
    await transaction.$executeRaw`LOCK TABLE ${target.table} IN ROW EXCLUSIVE MODE`;
    const next = await keyAt(transaction, target, unswept(checkpoint), 1);
    if (next === null) return { cursor: checkpoint.upperBound, rows: 0, setAside: checkpoint.setAside };
    return { cursor: next, rows: 0, setAside: { ...checkpoint.setAside, [next]: fault } };
  });
}

/** Rotates a row that was set aside, unless it has been deleted or has left the scope since. */
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

/** Records another reason why a row that was set aside cannot be rotated. */
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
