import { addDuration, EMPTY_HISTOGRAM, type Histogram, mergeHistograms } from './histogram.ts';

/** Events of a run within one interval. */
export interface Bucket {
  readonly rows: number;
  readonly batches: number;
  readonly durations: Histogram;
  readonly retries: number;
  /** 0 when it was not sampled. */
  readonly peakRssBytes: number;
}

export const EMPTY_BUCKET: Bucket = { rows: 0, batches: 0, durations: EMPTY_HISTOGRAM, retries: 0, peakRssBytes: 0 };

/** @param durationMs 0 when it was not measured: it then counts for no percentile */
export function addBatch(bucket: Bucket, rows: number, durationMs: number): Bucket {
  if (rows === 0 && durationMs === 0) return bucket; // a row that was found to be done already
  return {
    ...bucket,
    rows: bucket.rows + rows,
    batches: bucket.batches + 1,
    durations: durationMs > 0 ? addDuration(bucket.durations, durationMs) : bucket.durations,
  };
}

/** The bucket of the time of both. */
export function mergeBuckets(a: Bucket, b: Bucket): Bucket {
  return {
    rows: a.rows + b.rows,
    batches: a.batches + b.batches,
    durations: mergeHistograms(a.durations, b.durations),
    retries: a.retries + b.retries,
    peakRssBytes: Math.max(a.peakRssBytes, b.peakRssBytes),
  };
}

/** Half as many buckets, each of twice the time. */
export function mergeNeighbours(buckets: readonly Bucket[]): Bucket[] {
  return Array.from({ length: Math.ceil(buckets.length / 2) }, (_, index) =>
    mergeBuckets(buckets[2 * index] ?? EMPTY_BUCKET, buckets[2 * index + 1] ?? EMPTY_BUCKET),
  );
}
