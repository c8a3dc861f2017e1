import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { type RunRecord, recordEvent, recordMemory, startRunRecord } from '../../src/report/run-record.ts';
import { seriesOf } from '../../src/report/run-series.ts';

/** A batch of 100 rows at each of these times. */
function batchesAt(timesMs: number[], durationMs = 100): RunRecord {
  return timesMs.reduce(
    (record, atMs) => recordEvent(record, { type: 'batch', rows: 100, durationMs }, atMs),
    startRunRecord(0),
  );
}

const rates = (record: RunRecord, endedAtMs: number) =>
  seriesOf(record, endedAtMs).points.map(({ rowsPerSecond }) => rowsPerSecond);

describe('the series of a run', () => {
  it('has a point for each stretch of time, up to the end', () => {
    expect(seriesOf(batchesAt([500, 700, 2_500]), 4_900)).toEqual({
      bucketMs: 1_000,
      points: [0, 1_000, 2_000, 3_000, 4_000].map((atMs) => {
        const hasBatch = atMs === 0 || atMs === 2_000;
        return {
          atMs,
          rowsPerSecond: atMs === 0 ? 200 : hasBatch ? 100 : 0,
          p50Ms: hasBatch ? 100 : null,
          p95Ms: hasBatch ? 100 : null,
          peakRssBytes: null,
          retries: 0,
        };
      }),
    });
  });

  it('takes the rate of the last stretch from the time it really covers', () => {
    expect(rates(batchesAt([500, 1_500]), 1_800)).toEqual([100, 125]);
  });

  it('joins a last bit of time to what was before it, so that one batch makes no peak', () => {
    expect(rates(batchesAt([500, 1_500, 2_010]), 2_020)).toEqual([100, 196]);
  });

  it('has one point for a run that ends at once', () => {
    expect(rates(startRunRecord(0), 0)).toEqual([0]);
    expect(rates(batchesAt([100]), 200)).toEqual([500]);
  });

  it('has stretches that are long enough for batches that take long', () => {
    const { bucketMs, points } = seriesOf(
      batchesAt(
        [...Array(12).keys()].map((index) => 10_000 * (index + 1)),
        10_000,
      ),
      125_000,
    );
    expect(bucketMs).toBeGreaterThanOrEqual(8_000);
    expect(points.length).toBeGreaterThanOrEqual(12);
  });

  it('has the peaks of memory', () => {
    const record = [9, 20, 5].reduce(
      (at, rssBytes, index) => recordMemory(at, rssBytes, index * 400),
      startRunRecord(0),
    );
    expect(seriesOf(record, 2_600).points.map(({ peakRssBytes }) => peakRssBytes)).toEqual([20, null, null]);
  });

  it('accounts for every row', () =>
    fc.assert(
      fc.property(fc.array(fc.nat(1e7), { minLength: 1 }), fc.nat(5_000), (times, restMs) => {
        const ascending = times.sort((a, b) => a - b);
        const endedAtMs = (ascending.at(-1) ?? 0) + restMs + 1;
        const { bucketMs, points } = seriesOf(batchesAt(ascending), endedAtMs);
        const rows = points.map(({ atMs, rowsPerSecond }, index) => {
          const untilMs = index === points.length - 1 ? endedAtMs : atMs + bucketMs;
          return (rowsPerSecond * (untilMs - atMs)) / 1000;
        });
        const roundingRows = endedAtMs / 2_000;
        const total = rows.reduce((a, b) => a + b, 0);
        expect(Math.abs(total - 100 * times.length)).toBeLessThanOrEqual(roundingRows + 1e-6);
      }),
    ));
});
