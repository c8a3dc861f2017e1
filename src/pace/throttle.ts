/**
 * How long to wait before the next batch, for the sake of others: pure decisions, of numbers and a clock that is
 * passed in. `src/pace/pacer.ts` does the waiting.
 */

/** When the next batch of this process may start, so that its workers together keep to a rate. */
export interface Schedule {
  readonly freeAtMs: number;
}

/** Rows that are written at most in one batch at this rate: what the rate allows in the time a batch may take. */
export function batchLimit(maxRowsPerSecond: number, targetBatchMs: number): number {
  return Math.max(1, Math.floor((maxRowsPerSecond * targetBatchMs) / 1000));
}

/**
 * Books the time that so many rows take at the rate. Whoever comes later starts later; time that nobody booked is
 * lost, so that a pause is not followed by a burst.
 *
 * @returns the schedule with the booking in it, and when the booked batch may start
 */
export function book(
  { freeAtMs }: Schedule,
  rows: number,
  maxRowsPerSecond: number,
  nowMs: number,
): { schedule: Schedule; startAtMs: number } {
  const startAtMs = Math.max(nowMs, freeAtMs);
  return { startAtMs, schedule: { freeAtMs: startAtMs + (rows * 1000) / maxRowsPerSecond } };
}

/** Gives back what a batch booked and did not need: at the end of a partition it has fewer rows. */
export function giveBack({ freeAtMs }: Schedule, rows: number, maxRowsPerSecond: number): Schedule {
  return { freeAtMs: freeAtMs - (rows * 1000) / maxRowsPerSecond };
}

/** Where the primary's write-ahead log was at a moment. */
export interface WalSample {
  /** Bytes from the beginning of the log. */
  readonly position: bigint;
  readonly atMs: number;
}

/**
 * Keeps what is still needed to tell the lag of a replica that has replayed so far, and never more than a bounded
 * number: where there are more, every other one goes.
 *
 * @param replayed the position of the replica that is furthest behind; undefined: there is no replica
 */
export function recordWal(samples: readonly WalSample[], sample: WalSample, replayed: bigint | undefined): WalSample[] {
  const needed = [...samples, sample].filter(({ position }) => replayed !== undefined && position > replayed);
  return needed.length <= MOST_SAMPLES ? needed : needed.filter((_, index) => index % 2 === 0);
}

const MOST_SAMPLES = 1_000;

/**
 * How far a replica is behind, in time: how long ago the primary was where the replica is now. PostgreSQL's own
 * `replay_lag` stands still while a replica does.
 *
 * @returns milliseconds; 0 when it has replayed everything that was seen
 */
export function lagOf(replayed: bigint, samples: readonly WalSample[], nowMs: number): number {
  const firstNotReplayed = samples.find(({ position }) => position > replayed);
  return firstNotReplayed === undefined ? 0 : nowMs - firstNotReplayed.atMs;
}
