/**
 * Decides how long throttles hold the next batch back: pure functions of numbers and a clock that is passed in.
 * `src/pace/pacer.ts` does the waiting.
 */

/** The time when the next batch of this process may start, so that its workers together keep the rate. */
export interface Schedule {
  readonly freeAtMs: number;
}

/** Rows that are written at most in one batch at this rate: what the rate allows in the time a batch may take. */
export function batchLimit(maxRowsPerSecond: number, targetBatchMs: number): number {
  return Math.max(1, Math.floor((maxRowsPerSecond * targetBatchMs) / 1000));
}

/**
 * Books the time that a number of rows takes at the rate. Later bookings start later, and unused time is lost, so that no
 * burst follows a pause.
 *
 * @returns the schedule with the booking, and the time when the booked batch may start
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

/** Position of the primary's write-ahead log at a time. */
export interface WalSample {
  /** Bytes from the beginning of the log. */
  readonly position: bigint;
  readonly atMs: number;
}

/**
 * Drops the positions that are no longer needed to compute a replica's lag. Their number is bounded: above the bound,
 * every other one is dropped.
 *
 * @param replayed the position of the replica that is furthest behind; undefined: there is no replica
 */
export function recordWal(samples: readonly WalSample[], sample: WalSample, replayed: bigint | undefined): WalSample[] {
  const needed = [...samples, sample].filter(({ position }) => replayed !== undefined && position > replayed);
  return needed.length <= MOST_SAMPLES ? needed : needed.filter((_, index) => index % 2 === 0);
}

const MOST_SAMPLES = 1_000;

/**
 * Computes the lag of a replica: the time since the primary was where the replica is now. PostgreSQL's `replay_lag` does
 * not grow while a replica stands still.
 *
 * @returns milliseconds; 0 if it has replayed everything that was seen
 */
export function lagOf(replayed: bigint, samples: readonly WalSample[], nowMs: number): number {
  const firstNotReplayed = samples.find(({ position }) => position > replayed);
  return firstNotReplayed === undefined ? 0 : nowMs - firstNotReplayed.atMs;
}
