import { percentileMs } from './histogram.ts';
import { type Bucket, mergeBuckets } from './run-bucket.ts';
import { coarsen, type RunRecord, recordTime, sumUp } from './run-record.ts';

/** One point of a report's charts. */
export interface SeriesPoint {
  /** Start of the interval, in milliseconds since the start of the run. */
  atMs: number;
  /** Of this process. */
  rowsPerSecond: number;
  /** Batch durations, in milliseconds; null where no batch was measured. */
  p50Ms: number | null;
  p95Ms: number | null;
  /** null where it was not sampled. */
  peakRssBytes: number | null;
  retries: number;
}

/** All points, and how far they are apart. */
export interface Series {
  bucketMs: number;
  points: SeriesPoint[];
}

/**
 * A batch counts when it commits. Where buckets were shorter than this many batches, their rates would only show
 * which of them had a commit in it.
 */
const BATCHES_PER_BUCKET = 2;

/** There is no seeing a course in less. */
const FEWEST_BUCKETS = 12;

/** The course of a run up to its end. An interval at the end that is too short for a rate joins the one before. */
export function seriesOf(record: RunRecord, endedAtMs: number): Series {
  const { bucketMs, buckets, startedAtMs } = readable(recordTime(record, endedAtMs));
  const lastMs = endedAtMs - startedAtMs - (buckets.length - 1) * bucketMs;
  if (buckets.length === 1 || lastMs >= bucketMs / 2) return { bucketMs, points: pointsOf(buckets, bucketMs, lastMs) };
  const joined = [...buckets.slice(0, -2), buckets.slice(-2).reduce(mergeBuckets)];
  return { bucketMs, points: pointsOf(joined, bucketMs, bucketMs + lastMs) };
}

/** @param lastMs how much time the last bucket covers */
function pointsOf(buckets: readonly Bucket[], bucketMs: number, lastMs: number): SeriesPoint[] {
  const last = buckets.length - 1;
  return buckets.map((bucket, index) => pointOf(bucket, index * bucketMs, index === last ? lastMs : bucketMs));
}

function readable(record: RunRecord): RunRecord {
  const typicalMs = percentileMs(sumUp(record).durations, 0.5) ?? 0;
  const isTooFine = ({ bucketMs, buckets }: RunRecord) =>
    bucketMs < BATCHES_PER_BUCKET * typicalMs && buckets.length >= 2 * FEWEST_BUCKETS;
  let coarser = record;
  while (isTooFine(coarser)) coarser = coarsen(coarser);
  return coarser;
}

function pointOf({ rows, durations, peakRssBytes, retries }: Bucket, atMs: number, coveredMs: number): SeriesPoint {
  return {
    atMs,
    rowsPerSecond: coveredMs > 0 ? Math.round((rows / coveredMs) * 1000) : 0,
    p50Ms: roundedMs(percentileMs(durations, 0.5)),
    p95Ms: roundedMs(percentileMs(durations, 0.95)),
    peakRssBytes: peakRssBytes > 0 ? peakRssBytes : null,
    retries,
  };
}

/** To a hundredth of a millisecond. */
export function roundedMs(ms: number | null): number | null {
  return ms === null ? null : Math.round(ms * 100) / 100;
}
