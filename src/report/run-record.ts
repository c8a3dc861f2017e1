import type { Order } from '../checkpoint/orders.ts';
import type { RotationEvent } from '../context.ts';
import { addBatch, type Bucket, EMPTY_BUCKET, mergeBuckets, mergeNeighbours } from './run-bucket.ts';
import { addToTally, EMPTY_TALLY, type Tally } from './tally.ts';

/**
 * Records one run for its report, from events and a clock that is passed in. Its size is bounded, however long the run:
 * `MOST_BUCKETS` intervals with a histogram each (a few dozen bins in practice), which double in length whenever there
 * are too many; `MOST_TEXTS` different texts; `MOST_ROWS` rows.
 */
export interface RunRecord {
  readonly startedAtMs: number;
  /** Length of a bucket, in milliseconds. */
  readonly bucketMs: number;
  /** Without gaps, from the start to what was last recorded. */
  readonly buckets: readonly Bucket[];
  /** Progress of the rotation when this run continued it; null until then. */
  readonly started: Started | null;
  /** Time when a batch of this process last committed; null if none has. */
  readonly batchAtMs: number | null;
  /** Rows of the batches of this process whose commit was confirmed. */
  readonly rowsThisRun: number;
  /** Rows that all processes together had done when they were last counted. */
  readonly rowsCounted: number;
  /** Number of retries for each fault. */
  readonly faults: Tally;
  /** Sum of the workers' waits before retries, in milliseconds, whether one after another or at the same time. */
  readonly retryWaitMs: number;
  /** Sum of the workers' pauses by reason, in milliseconds, whether one after another or at the same time. */
  readonly throttledMs: Tally;
  /** Batches that waited half a second or more for another session's lock. */
  readonly blocked: number;
  /** Partitions that another process took over. */
  readonly overtaken: number;
  readonly rowsSetAside: number;
  /** The first of them. */
  readonly setAside: readonly RowSetAside[];
  /** The last orders that this run obeyed. */
  readonly orders: readonly Order[];
}

type Started = Omit<Extract<RotationEvent, { type: 'started' }>, 'type'> & { readonly atMs: number };

export interface RowSetAside {
  readonly key: string;
  readonly fault: string;
}

/** Enough for a chart as wide as a page. */
export const MOST_BUCKETS = 240;

/** Initial length of a bucket, in milliseconds. */
export const FIRST_BUCKET_MS = 1_000;

/** Rows set aside that are named; the others are only counted. */
export const MOST_ROWS = 100;

/** Orders that are kept. */
const MOST_ORDERS = 100;

/** @param nowMs of a clock that never goes back */
export function startRunRecord(nowMs: number): RunRecord {
  return {
    startedAtMs: nowMs,
    bucketMs: FIRST_BUCKET_MS,
    buckets: [EMPTY_BUCKET],
    started: null,
    batchAtMs: null,
    rowsThisRun: 0,
    rowsCounted: 0,
    faults: EMPTY_TALLY,
    retryWaitMs: 0,
    throttledMs: EMPTY_TALLY,
    blocked: 0,
    overtaken: 0,
    rowsSetAside: 0,
    setAside: [],
    orders: [],
  };
}

/** Records an event, if a report shows its kind. */
export function recordEvent(record: RunRecord, event: RotationEvent, nowMs: number): RunRecord {
  switch (event.type) {
    case 'started': {
      const { type: _, ...started } = event;
      return { ...record, started: { ...started, atMs: nowMs } };
    }
    case 'batch':
      return {
        ...updateBucket(record, nowMs, (bucket) => addBatch(bucket, event.rows, event.durationMs)),
        batchAtMs: nowMs,
        rowsThisRun: record.rowsThisRun + event.rows,
      };
    case 'total':
      return { ...record, rowsCounted: Math.max(record.rowsCounted, event.rowsDone) };
    case 'retry':
      return {
        ...updateBucket(record, nowMs, (bucket) => ({ ...bucket, retries: bucket.retries + 1 })),
        faults: addToTally(record.faults, event.fault, 1),
        retryWaitMs: record.retryWaitMs + event.waitMs,
      };
    case 'setAside':
      return { ...record, rowsSetAside: record.rowsSetAside + 1, setAside: append(record.setAside, event) };
    case 'throttled':
      return { ...record, throttledMs: addToTally(record.throttledMs, event.reason, event.waitMs) };
    case 'order':
      return { ...record, orders: [...record.orders, event.order].slice(-MOST_ORDERS) };
    case 'blocked':
      return { ...record, blocked: record.blocked + 1 };
    case 'overtaken':
      return { ...record, overtaken: record.overtaken + 1 };
    default:
      return record;
  }
}

/** @param rssBytes the process's resident set just now */
export function recordMemory(record: RunRecord, rssBytes: number, nowMs: number): RunRecord {
  return updateBucket(record, nowMs, (bucket) => ({
    ...bucket,
    peakRssBytes: Math.max(bucket.peakRssBytes, rssBytes),
  }));
}

/** The record with buckets up to a moment, also where nothing happened. */
export function recordTime(record: RunRecord, nowMs: number): RunRecord {
  return updateBucket(record, nowMs, (bucket) => bucket);
}

/** The same record with half as many buckets. */
export function coarsen(record: RunRecord): RunRecord {
  return { ...record, bucketMs: 2 * record.bucketMs, buckets: mergeNeighbours(record.buckets) };
}

/** Rows that all processes together have certainly rotated. More may be, in batches that are not counted yet. */
export function rowsKnownDone({ started, rowsThisRun, rowsCounted }: RunRecord): number {
  return Math.max(rowsCounted, (started?.rowsDone ?? 0) + rowsThisRun);
}

/** Everything in one bucket: the sums of the run, its peak, and all its durations. */
export function sumUp({ buckets }: RunRecord): Bucket {
  return buckets.reduce(mergeBuckets, EMPTY_BUCKET);
}

function updateBucket(record: RunRecord, nowMs: number, update: (bucket: Bucket) => Bucket): RunRecord {
  const passedMs = Math.max(0, nowMs - record.startedAtMs);
  let fitting = record;
  while (passedMs >= MOST_BUCKETS * fitting.bucketMs) fitting = coarsen(fitting);
  const index = Math.floor(passedMs / fitting.bucketMs);
  const buckets = Array.from({ length: Math.max(fitting.buckets.length, index + 1) }, (_, at) => {
    const bucket = fitting.buckets[at] ?? EMPTY_BUCKET;
    return at === index ? update(bucket) : bucket;
  });
  return { ...fitting, buckets };
}

function append(rows: readonly RowSetAside[], { key, fault }: RowSetAside): readonly RowSetAside[] {
  return rows.length < MOST_ROWS ? [...rows, { key, fault }] : rows;
}
