import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import type { Database } from '../src/database.ts';
import { cutRange, planPartitions } from '../src/partitions.ts';
import { useTestDatabase } from './support/database.ts';
import { insertTickets, keysUpTo } from './support/tickets.ts';

describe('cutting a key range', () => {
  /** Close together, so that keys, cuts and watermark meet, or anywhere. */
  const keys = fc.oneof(fc.bigInt(-5n, 5n), fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n));

  it('covers everything up to the watermark without gap or overlap, whatever the cuts', () => {
    return fc.assert(
      fc.property(fc.array(keys), keys, (cuts, watermark) => {
        const ranges = cutRange(cuts, watermark);
        expect(ranges[0]?.lowerBound).toBeNull();
        expect(ranges.at(-1)?.upperBound).toBe(watermark);
        ranges.slice(1).forEach((range, index) => {
          expect(range.lowerBound).toBe(ranges[index]?.upperBound);
          expect(range.upperBound > (range.lowerBound ?? 0n)).toBe(true);
        });
      }),
    );
  });

  it('puts every key up to the watermark into exactly one range, and none above it, whatever the cuts', () => {
    return fc.assert(
      fc.property(fc.array(keys), keys, keys, (cuts, watermark, key) => {
        const holding = cutRange(cuts, watermark).filter(
          ({ lowerBound, upperBound }) => (lowerBound === null || key > lowerBound) && key <= upperBound,
        );
        expect(holding).toHaveLength(key <= watermark ? 1 : 0);
      }),
    );
  });

  it('is the same for the same cuts, in whatever order and however often', () => {
    return fc.assert(
      fc.property(fc.array(keys), keys, (cuts, watermark) => {
        expect(cutRange([...cuts, ...cuts].reverse(), watermark)).toEqual(cutRange(cuts, watermark));
      }),
    );
  });
});

describe('the plan of a rotation', () => {
  const { database } = useTestDatabase();

  it('is one partition for a small table, from the first key to the highest there is now', async () => {
    await insertTickets(database, [-5, 1, 1_000_000]);
    expect(await planPartitions(database, 'test')).toEqual([
      {
        rotation: 'test',
        partition: 0,
        target: 'tickets.token',
        lowerBound: null,
        upperBound: 1_000_000n,
        watermark: 1_000_000n,
        rowsTotal: 3n,
        totalIsEstimate: false,
      },
    ]);
  });

  it('has no partition for an empty table', async () => {
    expect(await planPartitions(database, 'test')).toEqual([]);
  });

  it.each([
    ['dense', (place: number) => place],
    ['sparse, with a million keys between two rows', (place: number) => place * 1_000_000],
    ['skewed, with 90 % of the rows in 1 % of the range', (place: number) => (place <= 90_000 ? place : place * 90)],
  ])('has partitions of about as many rows each where keys are %s', async (_, keyAt) => {
    await insertTickets(database, keysUpTo(100_000).map(keyAt));
    const rows = await rowsPerPartition(database);
    expect(rows).toHaveLength(5);
    expect(rows.reduce((sum, count) => sum + count, 0)).toBe(100_000);
    expect(Math.max(...rows)).toBeLessThan(2 * Math.min(...rows));
  });

  it('says how many rows there are, exactly where they can be counted quickly', async () => {
    await insertTickets(database, keysUpTo(45_001));
    const plan = await planPartitions(database, 'test');
    expect(plan.map(({ rowsTotal }) => rowsTotal)).toEqual([15_001n, 15_000n, 15_000n]);
    expect(plan.every(({ totalIsEstimate }) => !totalIsEstimate)).toBe(true);
  });

  it('says about how many rows there are, and that it is an estimate, where counting would take long', async () => {
    await insertTickets(database, keysUpTo(60_000));
    const plan = await planPartitions(database, 'test', 1_000);
    const total = plan.reduce((sum, { rowsTotal }) => sum + Number(rowsTotal), 0);
    expect(plan.every(({ totalIsEstimate }) => totalIsEstimate)).toBe(true);
    expect(Math.abs(total - 60_000)).toBeLessThan(15_000); // it looks at some of its blocks only
  });
});

async function rowsPerPartition(database: Database): Promise<number[]> {
  const plan = await planPartitions(database, 'test');
  return Promise.all(
    plan.map(({ lowerBound, upperBound }) =>
      database.ticket.count({ where: { id: { lte: upperBound, ...(lowerBound === null ? {} : { gt: lowerBound }) } } }),
    ),
  );
}
