import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { MAX_BATCH_SIZE } from '../../src/config/settings.ts';
import { adaptBatchSize, type BatchSizer, MIN_AUTO_SIZE, startBatchSizer } from '../../src/pace/batch-size.ts';

const TARGET_MS = 250;

/** Runs batches on a server that needs so many milliseconds a row. */
function run(sizer: BatchSizer, batches: number, msPerRow: number): BatchSizer {
  let current = sizer;
  for (let batch = 0; batch < batches; batch += 1) {
    current = adaptBatchSize(current, current.size, current.size * msPerRow, TARGET_MS);
  }
  return current;
}

describe('the automatic batch size', () => {
  it('settles where a batch takes as long as it should', () => {
    expect(run(startBatchSizer(), 20, 0.05).size).toBe(5_000);
    expect(run(startBatchSizer(), 20, 0.5).size).toBe(500);
  });

  it('grows by half at the most from one batch to the next', () => {
    const start = startBatchSizer();
    expect(run(start, 1, 0.001).size).toBe(start.size * 1.5);
  });

  it('is cut to a tenth at once by a batch that takes more than five times the target', () => {
    const settled = run(startBatchSizer(), 20, 0.05);
    expect(adaptBatchSize(settled, settled.size, 5.1 * TARGET_MS, TARGET_MS).size).toBe(500);
  });

  it('is not moved by one slow batch in ten', () => {
    const settled = run(startBatchSizer(), 20, 0.05);
    expect(adaptBatchSize(settled, settled.size, 4 * TARGET_MS, TARGET_MS).size).toBe(5_000);
  });

  it('shrinks when the slow batches are more than one in ten', () => {
    expect(run(run(startBatchSizer(), 20, 0.05), 2, 0.1).size).toBe(2_500);
  });

  it('learns nothing from a batch without rows', () => {
    const settled = run(startBatchSizer(), 20, 0.05);
    expect(adaptBatchSize(settled, 0, 3, TARGET_MS)).toBe(settled);
  });

  const targetMs = fc.integer({ min: 10, max: 10_000 });
  /** Negative where a wait for a lock, by the server's clock, seems longer than the batch, by ours. */
  const durationMs = fc.oneof(
    fc.constantFrom(0, Number.MIN_VALUE, Number.MAX_VALUE, Number.POSITIVE_INFINITY),
    fc.double({ min: -1_000, max: 1e9, noNaN: true }),
  );

  it('stays a whole number within its bounds, whatever the batches had and took', () => {
    const rows = fc.oneof(fc.constantFrom(0, 1, MAX_BATCH_SIZE), fc.nat(MAX_BATCH_SIZE));
    return fc.assert(
      fc.property(fc.array(fc.record({ rows, durationMs })), targetMs, (batches, targetMs) => {
        let sizer = startBatchSizer();
        for (const { rows, durationMs } of batches) {
          sizer = adaptBatchSize(sizer, rows, durationMs, targetMs);
          expect(Number.isInteger(sizer.size)).toBe(true);
          expect(sizer.size).toBeGreaterThanOrEqual(MIN_AUTO_SIZE);
          expect(sizer.size).toBeLessThanOrEqual(MAX_BATCH_SIZE);
        }
      }),
    );
  });

  it('never grows by more than half at a time, and not at all after a batch that took far too long', () => {
    return fc.assert(
      fc.property(fc.array(durationMs), targetMs, (durationsMs, targetMs) => {
        let sizer = startBatchSizer();
        for (const durationMs of durationsMs) {
          const { size } = sizer;
          sizer = adaptBatchSize(sizer, size, durationMs, targetMs);
          expect(sizer.size).toBeLessThanOrEqual(Math.round(size * 1.5));
          if (durationMs > 5 * targetMs) expect(sizer.size).toBeLessThanOrEqual(size);
        }
      }),
    );
  });

  it('comes within a tenth of what fits into the target, from wherever it starts, where that is within its bounds', () => {
    return fc.assert(
      fc.property(
        fc.integer({ min: MIN_AUTO_SIZE, max: MAX_BATCH_SIZE }),
        targetMs,
        fc.nat(30_000),
        (fitting, targetMs, start) => {
          let sizer = startBatchSizer(start);
          for (let batch = 0; batch < 40; batch += 1) {
            sizer = adaptBatchSize(sizer, sizer.size, (sizer.size * targetMs) / fitting, targetMs);
          }
          expect(Math.abs(sizer.size - fitting)).toBeLessThanOrEqual(fitting / 10);
        },
      ),
    );
  });
});
