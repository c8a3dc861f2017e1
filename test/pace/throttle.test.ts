import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import {
  batchLimit,
  book,
  giveBack,
  lagOf,
  recordWal,
  type Schedule,
  type WalSample,
} from '../../src/pace/throttle.ts';

describe('a rate', () => {
  it('limits a batch to what may be written while a batch may take', () => {
    expect(batchLimit(5_000, 250)).toBe(1_250);
    expect(batchLimit(1, 250)).toBe(1);
  });

  it('lets the first batch start at once, and each next one when the rows before it have had their time', () => {
    const first = book({ freeAtMs: 0 }, 500, 5_000, 1_000);
    expect(first.startAtMs).toBe(1_000);
    const second = book(first.schedule, 500, 5_000, 1_010);
    expect(second.startAtMs).toBe(1_100);
  });

  it('gives the time back that a batch had booked for rows which were not there', () => {
    const { schedule } = book({ freeAtMs: 0 }, 500, 5_000, 1_000);
    expect(book(giveBack(schedule, 400, 5_000), 500, 5_000, 1_000).startAtMs).toBe(1_020);
  });

  it('does not make up for a pause with a burst', () => {
    const { schedule } = book({ freeAtMs: 0 }, 500, 5_000, 1_000);
    const late = book(schedule, 500, 5_000, 60_000);
    expect(late.startAtMs).toBe(60_000);
    expect(book(late.schedule, 500, 5_000, 60_000).startAtMs).toBe(60_100);
  });

  it('is never exceeded, whoever books how much and when', () => {
    const bookings = fc.array(fc.record({ rows: fc.integer({ min: 1, max: 1_000 }), afterMs: fc.nat(200) }), {
      minLength: 1,
    });
    return fc.assert(
      fc.property(bookings, (batches) => {
        let [schedule, nowMs]: [Schedule, number] = [{ freeAtMs: 0 }, 0];
        let [rowsBefore, firstAtMs] = [0, undefined as number | undefined];
        for (const { rows, afterMs } of batches) {
          nowMs += afterMs;
          const booked = book(schedule, rows, 5_000, nowMs);
          firstAtMs ??= booked.startAtMs;
          expect(rowsBefore).toBeLessThanOrEqual(((booked.startAtMs - firstAtMs) * 5_000) / 1_000 + 1e-6);
          rowsBefore += rows;
          schedule = booked.schedule;
        }
      }),
    );
  });
});

describe('the lag of a replica', () => {
  const samples: WalSample[] = [
    { position: 100n, atMs: 1_000 },
    { position: 200n, atMs: 2_000 },
    { position: 300n, atMs: 3_000 },
  ];

  it.each([
    ['nothing when it has replayed everything', 300n, 0],
    ['nothing when it has replayed even more than was seen', 400n, 0],
    ['how long ago the primary got ahead of it', 150n, 3_000],
    ['as long as has been looked when it was behind from the start', 0n, 4_000],
  ])('is %s', (_, replayed, expected) => {
    expect(lagOf(replayed, samples, 5_000)).toBe(expected);
  });

  it('grows while the replica stands still', () => {
    expect(lagOf(250n, samples, 9_000) - lagOf(250n, samples, 5_000)).toBe(4_000);
  });

  it('is told from samples that are forgotten once they are replayed', () => {
    expect(recordWal(samples, { position: 400n, atMs: 4_000 }, 200n)).toEqual([
      { position: 300n, atMs: 3_000 },
      { position: 400n, atMs: 4_000 },
    ]);
    expect(recordWal(samples, { position: 400n, atMs: 4_000 }, undefined)).toEqual([]);
  });

  it('is told from a bounded number of samples, the oldest among them, however long a replica stands still', () => {
    let kept: WalSample[] = [];
    for (let step = 1; step <= 10_000; step += 1) {
      kept = recordWal(kept, { position: BigInt(step), atMs: step }, 0n);
      expect(kept.length).toBeLessThanOrEqual(1_000);
    }
    expect(lagOf(0n, kept, 20_000)).toBe(19_999);
  });
});
