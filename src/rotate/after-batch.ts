import type { AfterBatch, RotatedRow } from '../config/target.ts';
import type { Queryable } from '../database/database.ts';
import { AfterBatchError, ConfigurationError } from '../errors/errors.ts';
import { faultKind } from '../errors/faults.ts';

/**
 * Milliseconds for which the server keeps the locks of a batch whose client is silent (stopped, cut off, swapped out).
 * A live client is never silent for more than an instant between two statements.
 */
export const SILENT_CLIENT_MS = 5_000;

/**
 * Calls a target's `afterBatch` in the transaction of a batch.
 *
 * @throws ConfigurationError when it returns no promise, or begins a transaction
 * @throws AfterBatchError when it fails by itself, or may have been too slow; errors of the database are thrown unchanged
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
      throw new ConfigurationError('afterBatch returned no promise. Return or await each call of the transaction.');
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

/** Without `$transaction`, which would commit on another connection, without the batch. */
function withoutTransaction(transaction: Queryable): Queryable {
  return new Proxy(transaction, {
    get(target, name) {
      if (name !== '$transaction') return Reflect.get(target, name);
      throw new ConfigurationError(
        'afterBatch called $transaction. Everything that it does already runs in the transaction of the batch.',
      );
    },
  });
}
