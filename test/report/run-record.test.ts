import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import type { RotationEvent } from '../../src/index.ts';
import { PERCENTILE_ERROR, percentileMs } from '../../src/report/histogram.ts';
import {
  FIRST_BUCKET_MS,
  MOST_BUCKETS,
  MOST_ROWS,
  type RunRecord,
  recordEvent,
  recordMemory,
  rowsKnownDone,
  startRunRecord,
  sumUp,
} from '../../src/report/run-record.ts';
import { entriesOfTally, MOST_TEXTS, OTHERS } from '../../src/report/tally.ts';

const STARTED = {
  type: 'started',
  resumed: true,
  rowsDone: 30,
  rowsTotal: 95,
  totalIsEstimate: false,
  partitions: 4,
} as const;

const batch = (rows: number, durationMs: number): RotationEvent => ({ type: 'batch', rows, durationMs });
const retry = (fault: string): RotationEvent => ({ type: 'retry', partition: 1, attempt: 1, waitMs: 200, fault });

/** Events of a record that started at 0, in order, a second apart. */
function recordAll(events: RotationEvent[]): RunRecord {
  return events.reduce((record, event, index) => recordEvent(record, event, index * 1_000), startRunRecord(0));
}

const rows = fc.nat(20_000);
const durationMs = fc.double({ min: 1, max: 1e6, noNaN: true });
const happening = fc.record({
  rows,
  durationMs,
  rssBytes: fc.nat(1e9),
  fault: fc.string(),
  passedMs: fc.oneof(fc.nat(3_000), fc.nat(1e9), fc.constant(0)),
});

/** A batch, its memory and a fault, each at one time. */
function run(happenings: (typeof happening extends fc.Arbitrary<infer Value> ? Value : never)[]): RunRecord {
  let nowMs = 500;
  let record = startRunRecord(nowMs);
  for (const { rows, durationMs, rssBytes, fault, passedMs } of happenings) {
    nowMs += passedMs;
    record = recordEvent(record, batch(rows, durationMs), nowMs);
    record = recordEvent(record, retry(fault), nowMs);
    record = recordMemory(record, rssBytes, nowMs);
  }
  return record;
}

describe('the record of a run', () => {
  it('keeps within its bounds, whatever happens and however long it takes', () =>
    fc.assert(
      fc.property(fc.array(happening, { size: 'large' }), (happenings) => {
        const { buckets, bucketMs, faults } = run(happenings);
        expect(buckets.length).toBeLessThanOrEqual(MOST_BUCKETS);
        expect(Number.isInteger(Math.log2(bucketMs / FIRST_BUCKET_MS))).toBe(true);
        expect(faults.size).toBeLessThanOrEqual(MOST_TEXTS + 1);
      }),
      { numRuns: 30 },
    ));

  it('loses nothing when it merges buckets', () =>
    fc.assert(
      fc.property(fc.array(happening, { minLength: 1 }), (happenings) => {
        const record = run(happenings);
        const total = sumUp(record);
        const sum = (numbers: number[]) => numbers.reduce((a, b) => a + b, 0);
        expect(total.rows).toBe(sum(happenings.map(({ rows }) => rows)));
        expect(total.rows).toBe(record.rowsThisRun);
        expect(total.batches).toBe(happenings.length);
        expect(total.durations.count).toBe(happenings.length);
        expect(total.durations.maxMs).toBe(Math.max(...happenings.map(({ durationMs }) => durationMs)));
        expect(total.peakRssBytes).toBe(Math.max(...happenings.map(({ rssBytes }) => rssBytes)));
        expect(total.retries).toBe(happenings.length);
        expect(sum([...record.faults.values()])).toBe(happenings.length);
        expect(record.retryWaitMs).toBe(200 * happenings.length);
      }),
    ));

  it('knows the percentiles of all batches to the error that is stated', () =>
    fc.assert(
      fc.property(fc.array(happening, { minLength: 1 }), fc.constantFrom(0.5, 0.9, 0.99), (happenings, share) => {
        const ascending = happenings.map(({ durationMs }) => durationMs).sort((a, b) => a - b);
        const exact = ascending[Math.ceil(share * ascending.length) - 1] ?? 0;
        const estimate = percentileMs(sumUp(run(happenings)).durations, share) ?? 0;
        expect(Math.abs(estimate - exact) / exact).toBeLessThanOrEqual(PERCENTILE_ERROR + 1e-9);
      }),
    ));

  it('puts what happens into the bucket of its time, and leaves those between empty', () => {
    const first = recordEvent(startRunRecord(5_000), batch(10, 100), 5_999);
    const { buckets } = recordEvent(first, batch(20, 100), 8_000);
    expect(buckets.map(({ rows }) => rows)).toEqual([10, 0, 0, 20]);
  });

  it('doubles the time of a bucket when there are too many', () => {
    const full = recordEvent(startRunRecord(0), batch(1, 100), MOST_BUCKETS * FIRST_BUCKET_MS - 1);
    expect(full).toMatchObject({ bucketMs: FIRST_BUCKET_MS, buckets: { length: MOST_BUCKETS } });
    const merged = recordEvent(full, batch(1, 100), MOST_BUCKETS * FIRST_BUCKET_MS);
    expect(merged).toMatchObject({ bucketMs: 2 * FIRST_BUCKET_MS, buckets: { length: MOST_BUCKETS / 2 + 1 } });
  });

  it('survives a clock that is behind its start', () => {
    expect(recordEvent(startRunRecord(1_000), batch(7, 100), 0).buckets.map(({ rows }) => rows)).toEqual([7]);
  });

  it('counts faults by their text, and sums up those beyond the fiftieth', () => {
    const texts = Array.from({ length: 60 }, (_, index) => `fault ${index}`);
    const entries = entriesOfTally(recordAll([...texts, 'fault 3', 'fault 3'].map(retry)).faults);
    expect(entries).toHaveLength(MOST_TEXTS + 1);
    expect(entries[0]).toEqual(['fault 3', 3]);
    expect(entries.at(-1)).toEqual([OTHERS, 10]);
  });

  it('names the first rows that are set aside, and counts them all', () => {
    const record = recordAll(
      Array.from({ length: MOST_ROWS + 5 }, (_, key) => ({
        type: 'setAside',
        partition: 0,
        key: `${key}`,
        fault: 'locked',
      })),
    );
    expect(record.rowsSetAside).toBe(MOST_ROWS + 5);
    expect(record.setAside).toHaveLength(MOST_ROWS);
    expect(record.setAside[1]).toEqual({ key: '1', fault: 'locked' });
  });

  it('adds up pauses by their reason', () => {
    const throttled = (reason: string, waitMs: number): RotationEvent => ({
      type: 'throttled',
      reason,
      detail: reason,
      waitMs,
    });
    const { throttledMs } = recordAll([throttled('a', 100), throttled('b', 5), throttled('a', 20)]);
    expect(entriesOfTally(throttledMs)).toEqual([
      ['a', 120],
      ['b', 5],
    ]);
  });

  it('counts batches that waited for locks, and partitions that were lost', () => {
    const record = recordAll([
      { type: 'blocked', pids: [7] },
      { type: 'overtaken', partition: 2 },
      { type: 'overtaken', partition: 3 },
    ]);
    expect(record).toMatchObject({ blocked: 1, overtaken: 2 });
  });

  it('leaves the duration of a row that was tried again out of the percentiles', () => {
    const { batches, rows, durations } = sumUp(recordAll([batch(100, 250), batch(1, 0), batch(0, 0)]));
    expect({ batches, rows }).toEqual({ batches: 2, rows: 101 });
    expect(durations.count).toBe(1);
  });

  it('claims no more rows than are certainly done, whichever of two counts is older', () => {
    const ours = recordAll([STARTED, batch(10, 100)]);
    expect(rowsKnownDone(ours)).toBe(40);
    expect(rowsKnownDone(recordEvent(ours, { type: 'total', rowsDone: 38 }, 2_000))).toBe(40);
    const withOthers = recordEvent(ours, { type: 'total', rowsDone: 60 }, 2_000);
    expect(rowsKnownDone(withOthers)).toBe(60);
    // The count may have had this batch in it already.
    expect(rowsKnownDone(recordEvent(withOthers, batch(10, 100), 2_001))).toBe(60);
  });

  it('is left alone by events that a report does not count', () => {
    const record = recordAll([STARTED]);
    expect(recordEvent(record, { type: 'waiting', holders: ['a'] }, 9_000)).toEqual(record);
    expect(recordEvent(record, { type: 'tryingAgain', rows: 2, waitMs: 5 }, 9_000)).toEqual(record);
  });
});
