import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import type { TicketDatabase } from '../../scripts/support/ticket-database.ts';
import { cutRange, planPartitions } from '../../src/plan/partitions.ts';
import { useTestDatabase } from '../support/database.ts';
import { insertTickets, keysUpTo, TICKETS } from '../support/tickets.ts';

describe('cutting a key range', () => {
  /** Close together, so that keys, cuts and watermark meet, or anywhere. */
  const keys = fc.oneof(fc.bigInt(-5n, 5n), fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n));

  /** As the database gives the cuts: in order, below the watermark, some of them more than once. */
  const cut = (cuts: readonly bigint[], watermark: bigint) => {
    const below = cuts.filter((each) => each < watermark).sort((a, b) => (a < b ? -1 : 1));
    return cutRange(below.map(String), String(watermark));
  };

  it('covers everything up to the watermark without gap or overlap, whatever the cuts', () => {
    return fc.assert(
      fc.property(fc.array(keys), keys, (cuts, watermark) => {
        const ranges = cut(cuts, watermark);
        expect(ranges[0]?.lowerBound).toBeNull();
        expect(ranges.at(-1)?.upperBound).toBe(String(watermark));
        ranges.slice(1).forEach(({ lowerBound, upperBound }, index) => {
          expect(lowerBound).toBe(ranges[index]?.upperBound);
          expect(BigInt(upperBound) > BigInt(lowerBound ?? '')).toBe(true);
        });
      }),
    );
  });

  it('puts every key up to the watermark into exactly one range, and none above it, whatever the cuts', () => {
    return fc.assert(
      fc.property(fc.array(keys), keys, keys, (cuts, watermark, key) => {
        const holding = cut(cuts, watermark).filter(
          ({ lowerBound, upperBound }) =>
            (lowerBound === null || key > BigInt(lowerBound)) && key <= BigInt(upperBound),
        );
        expect(holding).toHaveLength(key <= watermark ? 1 : 0);
      }),
    );
  });

  it('is the same for the same cuts, however often they come', () => {
    return fc.assert(
      fc.property(fc.array(keys), keys, (cuts, watermark) => {
        expect(cut([...cuts, ...cuts], watermark)).toEqual(cut(cuts, watermark));
      }),
    );
  });
});

describe('the plan of a rotation', () => {
  const { database } = useTestDatabase();

  it('is one partition for a small table, from the first key to the highest there is now', async () => {
    await insertTickets(database, [-5, 1, 1_000_000]);
    expect(await planPartitions(database, TICKETS, 'test')).toEqual({
      watermark: '1000000',
      rowsInScope: 3,
      partitions: [
        {
          rotation: 'test',
          partition: 0,
          lowerBound: null,
          upperBound: '1000000',
          rowsTotal: 3n,
          totalIsEstimate: false,
        },
      ],
    });
  });

  it('is none for an empty table', async () => {
    expect(await planPartitions(database, TICKETS, 'test')).toBeNull();
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
    const plan = await partitionsOf(database);
    expect(plan.map(({ rowsTotal }) => rowsTotal)).toEqual([15_001n, 15_000n, 15_000n]);
    expect(plan.every(({ totalIsEstimate }) => !totalIsEstimate)).toBe(true);
  });

  it('says about how many rows there are, and that it is an estimate, where counting would take long', async () => {
    await insertTickets(database, keysUpTo(60_000));
    const plan = await partitionsOf(database, 1_000);
    const total = plan.reduce((sum, { rowsTotal }) => sum + Number(rowsTotal), 0);
    expect(plan.every(({ totalIsEstimate }) => totalIsEstimate)).toBe(true);
    expect(Math.abs(total - 60_000)).toBeLessThan(15_000); // it looks at some of its blocks only
  });
});

async function rowsPerPartition(database: TicketDatabase): Promise<number[]> {
  const plan = await partitionsOf(database);
  return Promise.all(
    plan.map(({ lowerBound, upperBound }) =>
      database.ticket.count({
        where: { id: { lte: BigInt(upperBound), ...(lowerBound === null ? {} : { gt: BigInt(lowerBound) }) } },
      }),
    ),
  );
}

async function partitionsOf(database: TicketDatabase, maxRowsCounted?: number) {
  return (await planPartitions(database, TICKETS, 'test', maxRowsCounted))?.partitions ?? [];
}
