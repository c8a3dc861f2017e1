import type { Key } from '../checkpoint/checkpoints.ts';
import { chunksOf } from '../database/chunks.ts';
import { concernsRows, faultCode } from '../errors/faults.ts';

/** Rows that one transaction rotates, where they are named by their keys. */
const ROWS_PER_BATCH = 500;

/** The steps of a batch. */
export interface KeyBatch {
  /** Waits until so many rows may be written. */
  wait(rows: number): Promise<void>;
  /** Writes these rows in one transaction. */
  write(keys: readonly Key[]): Promise<void>;
}

/**
 * Rotates these rows in small batches, and halves a batch that fails until the rows that cause it are alone.
 *
 * @param faults receives the rows that could not be rotated, and why: key → SQLSTATE or NOT_TAKEN
 * @throws whatever single rows are not the cause of; AbortError between two batches when the signal was aborted
 */
export async function rotateKeys(
  keys: readonly Key[],
  faults: Map<Key, string>,
  signal: AbortSignal,
  { wait, write }: KeyBatch,
): Promise<void> {
  const waiting = chunksOf(keys, ROWS_PER_BATCH).reverse();
  for (let batch = waiting.pop(); batch !== undefined; batch = waiting.pop()) {
    signal.throwIfAborted();
    const [key, ...others] = batch;
    if (key === undefined) continue;
    const rows: readonly Key[] = batch;
    await wait(rows.length);
    try {
      await write(rows);
    } catch (error) {
      if (!concernsRows(error)) throw error;
      if (others.length === 0) faults.set(key, faultCode(error) ?? '');
      else waiting.push(...chunksOf(rows, Math.ceil(rows.length / 2)).reverse());
    }
  }
}
