import * as z from 'zod';

export const count = z.int().nonnegative();
const ms = z.number().nonnegative();
export const isoTime = z.iso.datetime();

export const finding = z.strictObject({
  check: z.string(),
  level: z.enum(['ok', 'warning', 'stop']),
  message: z.string(),
  advice: z.string().nullable(),
});

const row = z.strictObject({ key: z.string(), fault: z.string() });

const point = z.strictObject({
  /** Start of the interval, in milliseconds since `startedAt`. */
  atMs: ms,
  /** Of this process. */
  rowsPerSecond: ms,
  /** null where no batch was measured. */
  p50Ms: ms.nullable(),
  p95Ms: ms.nullable(),
  /** null where it was not sampled. */
  peakRssBytes: count.nullable(),
  /** Faults that were retried. */
  retries: count,
});

/**
 * The report of one run, as it is written with `--report FILE.json`. It holds no token, no password and no value of a
 * row but keys. Times are UTC, a duration's unit is in its name; percentiles of durations are off by 1 % at most (see `PERCENTILE_ERROR`).
 */
export const reportSchema = z
  .strictObject({
    /** Goes up when a field changes its meaning or goes away. */
    format: z.literal(1),
    tool: z.strictObject({ name: z.literal('rotate-tokens'), version: z.string() }),
    rotation: z.string(),
    target: z.string(),
    /** `host:port/name` */
    database: z.string(),
    /** Who ran it: user and host, and the user of the database. */
    by: z.strictObject({ who: z.string(), databaseUser: z.string() }),
    startedAt: isoTime,
    endedAt: isoTime,
    outcome: z.enum(['complete', 'already-complete', 'interrupted', 'failed', 'empty']),
    /** Start of its first run; null unless the rotation is complete. */
    rotationStartedAt: isoTime.nullable(),
    /** Time when this run or an earlier one completed the rotation. */
    completedAt: isoTime.nullable(),
    /** Time when verification passed, in this run or an earlier one. */
    verifiedAt: isoTime.nullable(),
    error: z.string().nullable(),
    settings: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
    rows: z.strictObject({
      /** Of all processes together. */
      done: count.nullable(),
      /** True if `done` was counted at the end; otherwise it is a lower bound. */
      doneIsExact: z.boolean(),
      total: count.nullable(),
      totalIsEstimate: z.boolean(),
      /** Done when this run took the rotation up. */
      before: count.nullable(),
      /** Of batches of this run whose commit was confirmed to it. */
      thisRun: count,
      /** Of this run, from where it took the rotation up to its last batch; null without a batch. */
      perSecond: ms.nullable(),
    }),
    /** The highest key in scope; null unless the rotation is complete. */
    watermark: z.string().nullable(),
    partitions: z.strictObject({ count: count.nullable(), overtaken: count }),
    batches: z.strictObject({
      count,
      /** Batches that waited half a second or more for another session's lock. */
      blocked: count,
      p50Ms: ms.nullable(),
      p90Ms: ms.nullable(),
      p99Ms: ms.nullable(),
      maxMs: ms.nullable(),
    }),
    retries: count,
    /** Waiting times add up over the workers. */
    retryWaitMs: ms,
    faults: z.array(z.strictObject({ fault: z.string(), count })),
    /** Number of rows set aside; the list has the first of them. */
    rowsSetAside: count,
    setAside: z.array(row),
    /** Rows that could not be rotated and still have their leaked token; the list has the first of them. */
    notRotated: z.strictObject({ count, rows: z.array(row) }),
    /** By reason. Waiting times add up over the workers. */
    throttledMs: z.record(z.string(), ms),
    peakRssBytes: count.nullable(),
    /** Who paused or resumed it or changed its settings while it ran, in words; the last of them. */
    orders: z.array(z.strictObject({ at: isoTime, order: z.string() })),
    preflight: z.array(finding),
    verification: z.array(finding),
    series: z.strictObject({ bucketMs: ms, points: z.array(point) }),
    /** Plain language, for an incident ticket; lines are separated by `\n`. */
    summary: z.string(),
  })
  .readonly();

export type Report = z.output<typeof reportSchema>;
