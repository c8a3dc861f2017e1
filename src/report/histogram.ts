/**
 * Durations in bins that grow by a constant factor, so that every percentile is known to the same relative error,
 * in bounded memory, and histograms of parts add up to that of the whole without losing anything.
 *
 * After Masson, Rim and Lee, "DDSketch" (VLDB 2019): bin i holds what is above γ^(i-1) and at most γ^i, and stands for
 * 2γ^i / (γ + 1), which is off by at most (γ - 1) / (γ + 1) of the true value.
 *
 * Node's createHistogram takes about 30 kB at this precision, which is 7 MB for the intervals of a report, and cannot be
 * copied.
 */
export interface Histogram {
  readonly count: number;
  /** Exact, in milliseconds; 0 when there is none. */
  readonly maxMs: number;
  /** Number of durations in each bin; at most 1,030 bins, since durations are clamped. */
  readonly bins: ReadonlyMap<number, number>;
}

/** Greatest error of a percentile, relative to the true value, from `LEAST_MS` to `MOST_MS`. */
export const PERCENTILE_ERROR = 0.01;

const GROWTH = (1 + PERCENTILE_ERROR) / (1 - PERCENTILE_ERROR);

/** Milliseconds. What is shorter counts as the first, what is longer as the second: a day. */
export const LEAST_MS = 0.1;
export const MOST_MS = 86_400_000;

export const EMPTY_HISTOGRAM: Histogram = { count: 0, maxMs: 0, bins: new Map() };

export function addDuration({ count, maxMs, bins }: Histogram, durationMs: number): Histogram {
  const bin = binOf(durationMs);
  return {
    count: count + 1,
    maxMs: Math.max(maxMs, durationMs),
    bins: new Map(bins).set(bin, (bins.get(bin) ?? 0) + 1),
  };
}

/** The histogram of all durations of both. */
export function mergeHistograms(a: Histogram, b: Histogram): Histogram {
  if (a.count === 0) return b;
  const bins = new Map(a.bins);
  for (const [bin, count] of b.bins) bins.set(bin, (bins.get(bin) ?? 0) + count);
  return { count: a.count + b.count, maxMs: Math.max(a.maxMs, b.maxMs), bins };
}

/**
 * The smallest duration that at least this share of them do not exceed (nearest rank).
 *
 * @param share above 0, up to 1
 * @returns milliseconds, off by `PERCENTILE_ERROR` at most; null when there is no duration
 */
export function percentileMs({ count, maxMs, bins }: Histogram, share: number): number | null {
  let left = Math.ceil(share * count);
  for (const [bin, inBin] of [...bins].sort(([a], [b]) => a - b)) {
    left -= inBin;
    if (left <= 0) return Math.min(durationOf(bin), maxMs);
  }
  return null;
}

function binOf(durationMs: number): number {
  return Math.ceil(Math.log(Math.min(MOST_MS, Math.max(LEAST_MS, durationMs))) / Math.log(GROWTH));
}

function durationOf(bin: number): number {
  return (2 * GROWTH ** bin) / (GROWTH + 1);
}
