import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { type Progress, recordBatch, recordTotal, startProgress, takeSnapshot } from '../../src/report/progress.ts';

const MILLION = { rowsDone: 0, rowsTotal: 1_000_000, totalIsEstimate: false };

/** Batches of 100 rows, one every 100 ms: 1,000 rows a second. */
function runSteadily(progress: Progress, fromMs: number, untilMs: number): Progress {
  let at = progress;
  for (let nowMs = fromMs + 100; nowMs <= untilMs; nowMs += 100) at = recordBatch(at, 100, nowMs);
  return at;
}

describe('progress', () => {
  it('has no ETA, and no rate, as long as nothing was committed', () => {
    const progress = startProgress(MILLION, 5_000);
    expect(takeSnapshot(progress, 65_000)).toEqual({
      ...MILLION,
      rowsThisRun: 0,
      fraction: 0,
      elapsedMs: 60_000,
      rowsPerSecond: 0,
      remainingMs: null,
    });
  });

  it('knows rate and ETA after the first batch', () => {
    const snapshot = takeSnapshot(recordBatch(startProgress(MILLION, 0), 100, 100), 100);
    expect(snapshot.rowsPerSecond).toBeCloseTo(1_000, -2); // to ±50
    expect(snapshot.remainingMs).toBeCloseTo(1_000_000, -5); // to ±50,000
  });

  it('keeps rate and ETA right at a steady pace', () => {
    const snapshot = takeSnapshot(runSteadily(startProgress(MILLION, 0), 0, 200_000), 200_000);
    expect(snapshot).toMatchObject({ rowsDone: 200_000, fraction: 0.2, elapsedMs: 200_000 });
    expect(snapshot.rowsPerSecond).toBeCloseTo(1_000, -2);
    expect(snapshot.remainingMs).toBeCloseTo(800_000, -5);
  });

  it('of a resumed run has the rate of this run’s rows only', () => {
    const resumed = startProgress({ ...MILLION, rowsDone: 900_000 }, 0);
    const snapshot = takeSnapshot(runSteadily(resumed, 0, 10_000), 10_000);
    expect(snapshot).toMatchObject({ rowsDone: 910_000, rowsThisRun: 10_000, fraction: 0.91 });
    expect(snapshot.rowsPerSecond).toBeCloseTo(1_000, -2);
    expect(snapshot.remainingMs).toBeCloseTo(90_000, -4); // to ±5,000
  });

  it('is never more than all of it when the total turns out too low', () => {
    const tooLow = startProgress({ rowsDone: 0, rowsTotal: 150, totalIsEstimate: true }, 0);
    const snapshot = takeSnapshot(runSteadily(tooLow, 0, 300), 300);
    expect(snapshot).toMatchObject({
      rowsDone: 300,
      rowsTotal: 300,
      totalIsEstimate: true,
      fraction: 0.99,
      remainingMs: 0,
    });
  });

  it('slows down while nothing is committed, until there is no ETA any more', () => {
    const running = runSteadily(startProgress(MILLION, 0), 0, 30_000);
    const rates = [30_000, 35_000, 50_000].map((nowMs) => takeSnapshot(running, nowMs).rowsPerSecond);
    expect(rates).toEqual([...rates].sort((a, b) => b - a));
    expect(rates[2]).toBeLessThan(200);
    expect(takeSnapshot(running, 600_000).remainingMs).toBeNull();
  });

  it('has no ETA either when what ends such a pause is a batch that found no row', () => {
    const running = runSteadily(startProgress(MILLION, 0), 0, 30_000);
    const paused = recordBatch(running, 0, 600_000);
    expect(takeSnapshot(paused, 600_000).remainingMs).toBeNull();
  });

  it('has its pace back soon after such a pause', () => {
    const paused = runSteadily(startProgress(MILLION, 0), 0, 30_000);
    const resumed = runSteadily(paused, 330_000, 370_000);
    expect(takeSnapshot(resumed, 370_000).rowsPerSecond).toBeCloseTo(1_000, -2);
  });

  it('changes its ETA only a little for one batch that takes ten times as long', () => {
    const running = runSteadily(startProgress(MILLION, 0), 0, 30_000);
    const before = takeSnapshot(running, 30_000).remainingMs ?? 0;
    const after = takeSnapshot(recordBatch(running, 100, 31_000), 31_000).remainingMs ?? 0;
    expect(after / before).toBeGreaterThan(1);
    expect(after / before).toBeLessThan(1.15);
  });

  it('is complete from the start when there is nothing to do', () => {
    const nothing = startProgress({ rowsDone: 0, rowsTotal: 0, totalIsEstimate: false }, 0);
    expect(takeSnapshot(nothing, 100)).toMatchObject({ fraction: 1, rowsPerSecond: 0, remainingMs: null });
  });

  it('claims no rate when the clock has not moved', () => {
    const progress = recordBatch(startProgress(MILLION, 7), 100, 7);
    expect(takeSnapshot(progress, 7)).toEqual({
      ...MILLION,
      rowsDone: 100,
      rowsThisRun: 100,
      fraction: 0.0001,
      elapsedMs: 0,
      rowsPerSecond: 0,
      remainingMs: null,
    });
  });

  it('counts what other processes have done, but not what is not news', () => {
    const ours = recordBatch(startProgress(MILLION, 0), 100, 100);
    expect(takeSnapshot(recordTotal(ours, 300, 100), 100)).toMatchObject({ rowsDone: 300, rowsThisRun: 100 });
    expect(takeSnapshot(recordTotal(ours, 50, 100), 100)).toMatchObject({ rowsDone: 100, rowsThisRun: 100 });
    expect(takeSnapshot(recordTotal(ours, 300, 100), 100).rowsPerSecond).toBeCloseTo(3_000, -3); // to ±500
  });

  it('keeps its rate while the clock is behind where it was', () => {
    const running = runSteadily(startProgress(MILLION, 0), 0, 30_000);
    expect(takeSnapshot(running, 20_000).rowsPerSecond).toBe(takeSnapshot(running, 30_000).rowsPerSecond);
  });

  it('has no number that makes no sense, whatever happens and whatever the clock does', () => {
    const rows = fc.oneof(fc.nat(20_000), fc.nat(1e12));
    const start = fc.record({ rowsDone: rows, rowsTotal: rows, totalIsEstimate: fc.boolean() });
    const clockStepMs = fc.oneof(fc.constantFrom(0, 1e-9, 1e12), fc.double({ min: -1e6, max: 1e6, noNaN: true }));
    const happening = fc.record({ record: fc.constantFrom(recordBatch, recordTotal), rows, clockStepMs });
    return fc.assert(
      fc.property(start, fc.array(happening), (start, happenings) => {
        let nowMs = 0;
        let progress = startProgress(start, nowMs);
        for (const { record, rows, clockStepMs } of happenings) {
          nowMs += clockStepMs;
          const before = progress.rowsDone;
          progress = record(progress, rows, nowMs);
          const snapshot = takeSnapshot(progress, nowMs);
          const { fraction, rowsPerSecond, rowsDone, rowsTotal, remainingMs } = snapshot;
          const numbers = [fraction, rowsPerSecond, rowsDone, rowsTotal, remainingMs ?? 0];
          expect(numbers.filter((number) => !Number.isFinite(number) || number < 0)).toEqual([]);
          expect(fraction).toBeLessThanOrEqual(start.totalIsEstimate ? 0.99 : 1);
          expect(rowsDone).toBeGreaterThanOrEqual(before);
          expect(rowsDone).toBeLessThanOrEqual(rowsTotal);
        }
      }),
    );
  });
});
