/**
 * How many rows to write at a time while some of them are in the way: the same once more, since a lock or a deadlock
 * may have gone; then half as many with each failure, until the row that is in the way is alone; then, with each
 * success, twice as many again.
 */
export interface Isolation {
  /** Failures since everything was as usual; the first is answered by trying the same again. */
  readonly failures: number;
  /** The most rows to write at a time. */
  readonly limit: number;
}

/** Nothing is in the way. */
export const NOT_ISOLATING: Isolation = { failures: 0, limit: Number.POSITIVE_INFINITY };

/** Whether trying the same again did not help. */
export function isNarrowed({ failures }: Isolation): boolean {
  return failures > 1;
}

/** @returns what to try next, or `alone` when the batch was of the one row that is in the way */
export function narrow(isolation: Isolation, size: number): Isolation | 'alone' {
  const failures = isolation.failures + 1;
  if (failures === 1) return { failures, limit: size };
  return size <= 1 ? 'alone' : { failures, limit: Math.floor(size / 2) };
}

/** @param enough from how many rows on there is nothing to isolate any more */
export function widen(isolation: Isolation, enough: number): Isolation {
  const limit = isolation.limit * 2;
  return limit >= enough ? NOT_ISOLATING : { ...isolation, limit };
}
