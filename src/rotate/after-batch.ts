import type { AfterBatch, RotatedRow } from '../config/target.ts';
import type { Queryable } from '../database/database.ts';
import { AfterBatchError, ConfigurationError } from '../errors/errors.ts';
import { faultKind } from '../errors/faults.ts';

/**
 * How long the server keeps the locks of a batch whose client has gone silent (stopped, cut off, swapped out), in
 * milliseconds. A living one is never silent for more than an instant between two statements.
 */
export const SILENT_CLIENT_MS = 5_000;

/**
 * Has a target's own work done in the transaction of a batch.
 *
 * @throws ConfigurationError when it does what cannot be right
 * @throws AfterBatchError when it fails by itself, or may have been too slow; what the database refuses is thrown as it is
 */
export async function callAfterBatch(
  afterBatch: AfterBatch,
  transaction: Queryable,
  rows: RotatedRow[],
): Promise<void> {
  const startedAtMs = performance.now();
  try {
    const result: unknown = afterBatch(withoutTransaction(transaction), rows);
    if (!isThenable(result)) {
      throw new ConfigurationError(
        'afterBatch has returned no promise: return, or await, each call of the transaction.',
      );
    }
    await result;
  } catch (error) {
    if (error instanceof ConfigurationError) throw error;
    const elapsedMs = performance.now() - startedAtMs;
    const isTooSlowPerhaps = faultKind(error) === 'passing' && elapsedMs > SILENT_CLIENT_MS;
    throw isTooSlowPerhaps || faultKind(error) === 'unknown'
      ? new AfterBatchError(error, elapsedMs, SILENT_CLIENT_MS)
      : error;
  }
}

function isThenable(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'then' in value;
}

/** A transaction of its own would commit without the batch, on another connection. */
function withoutTransaction(transaction: Queryable): Queryable {
  return new Proxy(transaction, {
    get(target, name) {
      if (name !== '$transaction') return Reflect.get(target, name);
      throw new ConfigurationError(
        'afterBatch has asked for a $transaction: everything that it does is in that of the batch already.',
      );
    },
  });
}
