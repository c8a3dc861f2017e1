/**
 * Computes progress and remaining time from counts and a clock that is passed in.
 *
 * The rate is recent and only of this run: both rows and seconds decay exponentially. So a resumed run does not inherit a
 * rate, a slowdown shows within seconds, and one slow batch does not make the estimate jump.
 */
export interface Progress {
  readonly rowsTotal: number;
  readonly totalIsEstimate: boolean;
  readonly rowsDone: number;
  readonly rowsThisRun: number;
  readonly startedAtMs: number;
  /** Time of the last batch. */
  readonly batchAtMs: number;
  /** Time when the two sums below were last updated. */
  readonly updatedAtMs: number;
  readonly recentRows: number;
  readonly recentMs: number;
}

/** Numbers that every output shows, computed at one moment. */
export interface ProgressSnapshot {
  readonly rowsDone: number;
  /** Never below rowsDone: a count that turns out too low gives way. */
  readonly rowsTotal: number;
  readonly totalIsEstimate: boolean;
  readonly rowsThisRun: number;
  /** 0 to 1; never quite 1 when the total is an estimate. */
  readonly fraction: number;
  readonly elapsedMs: number;
  readonly rowsPerSecond: number;
  /** Milliseconds left; null while nothing has been rotated lately, when any number would be a guess. */
  readonly remainingMs: number | null;
}

/** After this time a batch counts 1/e of what it counted at first, in milliseconds. */
const MEMORY_MS = 10_000;

/** Without a batch for this long, in milliseconds, there is no telling how long it will take. */
const STANDSTILL_MS = 30_000;

/** An estimated total cannot show that everything is done. */
const MOST_BY_ESTIMATE = 0.99;

export function startProgress(
  at: { rowsDone: number; rowsTotal: number; totalIsEstimate: boolean },
  nowMs: number,
): Progress {
  return {
    ...at,
    rowsThisRun: 0,
    startedAtMs: nowMs,
    batchAtMs: nowMs,
    updatedAtMs: nowMs,
    recentRows: 0,
    recentMs: 0,
  };
}

/** @param rows how many rows the batch that has just committed rotated */
export function recordBatch(progress: Progress, rows: number, nowMs: number): Progress {
  const aged = age(progress, nowMs);
  return {
    ...aged,
    rowsDone: progress.rowsDone + rows,
    rowsThisRun: progress.rowsThisRun + rows,
    batchAtMs: rows > 0 ? aged.updatedAtMs : progress.batchAtMs,
    recentRows: aged.recentRows + rows,
  };
}

/**
 * @param rowsDone how many rows all processes together have done; a count that is behind this process's own is old
 */
export function recordTotal(progress: Progress, rowsDone: number, nowMs: number): Progress {
  const byOthers = Math.max(0, rowsDone - progress.rowsDone);
  const aged = age(progress, nowMs);
  const batchAtMs = byOthers > 0 ? aged.updatedAtMs : progress.batchAtMs;
  return { ...aged, rowsDone: progress.rowsDone + byOthers, batchAtMs, recentRows: aged.recentRows + byOthers };
}

export function takeSnapshot(progress: Progress, nowMs: number): ProgressSnapshot {
  const { rowsDone, totalIsEstimate, rowsThisRun, batchAtMs, recentRows, recentMs } = age(progress, nowMs);
  const rowsTotal = Math.max(progress.rowsTotal, rowsDone);
  const rowsPerSecond = recentMs > 0 ? (recentRows / recentMs) * 1000 : 0;
  const isMoving = rowsPerSecond > 0 && nowMs - batchAtMs < STANDSTILL_MS;
  return {
    rowsDone,
    rowsTotal,
    totalIsEstimate,
    rowsThisRun,
    fraction: Math.min(rowsTotal === 0 ? 1 : rowsDone / rowsTotal, totalIsEstimate ? MOST_BY_ESTIMATE : 1),
    elapsedMs: nowMs - progress.startedAtMs,
    rowsPerSecond,
    remainingMs: isMoving ? Math.ceil(((rowsTotal - rowsDone) / rowsPerSecond) * 1000) : null,
  };
}

function age(progress: Progress, nowMs: number): Progress {
  const passedMs = Math.max(0, nowMs - progress.updatedAtMs);
  const kept = Math.exp(-passedMs / MEMORY_MS);
  return {
    ...progress,
    updatedAtMs: progress.updatedAtMs + passedMs,
    recentRows: progress.recentRows * kept,
    // The time that passed is forgotten as it passes: the integral of exp(-t / MEMORY_MS).
    recentMs: progress.recentMs * kept + MEMORY_MS * (1 - kept),
  };
}
