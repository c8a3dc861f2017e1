import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { adaptBatchSize, type BatchSizer, MAX_BATCH_SIZE, MIN_AUTO_SIZE, startBatchSizer } from '../src/batch-size.ts';

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

  it('stays a whole number within its bounds, whatever the batches took', () => {
    const durations = fc.array(fc.oneof(fc.constant(0), fc.double({ min: 0, max: 1e9, noNaN: true })));
    return fc.assert(
      fc.property(durations, fc.integer({ min: 10, max: 10_000 }), (durationsMs, targetMs) => {
        let sizer = startBatchSizer();
        for (const durationMs of durationsMs) {
          sizer = adaptBatchSize(sizer, sizer.size, durationMs, targetMs);
          expect(Number.isInteger(sizer.size)).toBe(true);
          expect(sizer.size).toBeGreaterThanOrEqual(MIN_AUTO_SIZE);
          expect(sizer.size).toBeLessThanOrEqual(MAX_BATCH_SIZE);
        }
      }),
    );
  });
});
