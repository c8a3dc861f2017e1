/**
 * Batch size while some rows fail. The first failure repeats the batch, since a lock or deadlock may be gone. Each further
 * failure halves it, until the failing row is alone. Each success then doubles it.
 */
export interface Isolation {
  /** Failures since isolation began; the first one only repeats the batch. */
  readonly failures: number;
  /** Largest batch, in rows. */
  readonly limit: number;
}

/** No failure so far. */
export const NOT_ISOLATING: Isolation = { failures: 0, limit: Number.POSITIVE_INFINITY };

/** @returns the next attempt, or `alone` if the batch was of one row, which is the cause */
export function narrow(isolation: Isolation, size: number): Isolation | 'alone' {
  const failures = isolation.failures + 1;
  if (failures === 1) return { failures, limit: size };
  return size <= 1 ? 'alone' : { failures, limit: Math.floor(size / 2) };
}

/** @param enough size from which on isolation ends */
export function widen(isolation: Isolation, enough: number): Isolation {
  const limit = isolation.limit * 2;
  return limit >= enough ? NOT_ISOLATING : { ...isolation, limit };
}

/** The steps of a sweep over rows in key order. */
export interface Sweep {
  /** True if no row is left, or the sweep must stop. */
  isDone(): boolean;
  /** Rows of the next batch if none of them fails. */
  usualSize(): number;
  /** Writes the next rows. @param isolation how far rows that fail are isolated */
  write(size: number, isolation: Isolation): Promise<void>;
  /**
   * Responds to a failed batch of `size` rows, which is then repeated with `next`. If `next` is `alone`, the failing row
   * is the next one, and this step passes it.
   *
   * @throws the error, if single rows are not its cause
   */
  fail(error: unknown, size: number, next: Isolation | 'alone'): Promise<void>;
}

/** Writes all rows of a sweep, and isolates those that fail. @returns the isolation to continue with */
export async function sweepAll(sweep: Sweep, isolation = NOT_ISOLATING): Promise<Isolation> {
  let current = isolation;
  while (!sweep.isDone()) {
    const usualSize = sweep.usualSize();
    const size = Math.min(usualSize, current.limit);
    try {
      await sweep.write(size, current);
      current = widen(current, usualSize);
    } catch (error) {
      const next = narrow(current, size);
      await sweep.fail(error, size, next);
      if (next !== 'alone') current = next;
    }
  }
  return current;
}
