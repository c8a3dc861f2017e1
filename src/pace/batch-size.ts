import { MAX_BATCH_SIZE } from '../config/settings.ts';
import type { Target } from '../config/target.ts';

/**
 * Adapts the batch size to a target duration, after block/spirit's dynamic chunk sizer.
 *
 * The time per row of the slower recent batches determines how many rows fit into the target. Growth is gradual. A batch
 * that takes far too long shrinks the next one at once, before it dominates the recent batches.
 *
 *   size = targetMs / p90(ms per row of the last 10 batches), at most 1.5 × the size before;
 *   size / 10 when a batch took more than 5 × the target; always between 100 and 20,000 rows.
 */
export interface BatchSizer {
  /** Rows the next batch is to have. */
  readonly size: number;
  /** Milliseconds per row of the last batches, oldest first. */
  readonly recentMsPerRow: readonly number[];
}

/** Rows. Below it, a batch's fixed costs weigh more than its rows. */
export const MIN_AUTO_SIZE = 100;

/** Rows of the first batch: small enough for a slow server, and soon grown on a fast one. */
const FIRST_SIZE = 2_000;

/** Rows of the first batch of a target with `afterBatch`, which keeps the rows locked for an unknown time. */
const FIRST_SIZE_WITH_WORK = MIN_AUTO_SIZE;

const WINDOW = 10;
const PERCENTILE = 0.9;
const MAX_GROWTH = 1.5;
const PANIC_FACTOR = 5;
const PANIC_CUT = 10;

export function startBatchSizer(size = FIRST_SIZE): BatchSizer {
  return { size: clamp(size), recentMsPerRow: [] };
}

/** First batch size of a target. */
export function batchSizerFor({ afterBatch }: Pick<Target, 'afterBatch'>): BatchSizer {
  return startBatchSizer(afterBatch === null ? FIRST_SIZE : FIRST_SIZE_WITH_WORK);
}

/**
 * @param rows how many rows the batch had; a batch of none says nothing
 * @param durationMs how long it took, without what it spent waiting for locks or throttled
 * @param targetMs how long it was to take
 */
export function adaptBatchSize(sizer: BatchSizer, rows: number, durationMs: number, targetMs: number): BatchSizer {
  if (rows <= 0) return sizer;
  // Measurements from before a crash belong to a server in another state.
  if (durationMs > PANIC_FACTOR * targetMs) return startBatchSizer(rows / PANIC_CUT);
  const recentMsPerRow = [...sizer.recentMsPerRow, durationMs / rows].slice(-WINDOW);
  const fitting = targetMs / Math.max(percentile(recentMsPerRow, PERCENTILE), Number.MIN_VALUE);
  return { size: clamp(Math.min(fitting, sizer.size * MAX_GROWTH)), recentMsPerRow };
}

/** The smallest value that at least this share of the values do not exceed (nearest rank). */
function percentile(values: readonly number[], share: number): number {
  const ascending = values.toSorted((a, b) => a - b);
  return ascending[Math.max(0, Math.ceil(share * ascending.length) - 1)] ?? 0;
}

function clamp(size: number): number {
  return Math.round(Math.min(MAX_BATCH_SIZE, Math.max(MIN_AUTO_SIZE, size)));
}
