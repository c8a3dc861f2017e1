import { describe, expect, it } from '@jest/globals';
import { planPartition } from '../src/partitions.ts';
import { useTestDatabase } from './support/database.ts';
import { insertTickets, keysUpTo } from './support/tickets.ts';

describe('the plan of a rotation', () => {
  const { database } = useTestDatabase();

  it('reaches from the first key to the highest there is now', async () => {
    await insertTickets(database, [-5, 1, 1_000_000]);
    expect(await planPartition(database, 'test')).toEqual({
      rotation: 'test',
      partition: 0,
      target: 'tickets.token',
      lowerBound: null,
      upperBound: 1_000_000n,
      rowsTotal: 3n,
      totalIsEstimate: false,
    });
  });

  it('is null for an empty table', async () => {
    expect(await planPartition(database, 'test')).toBeNull();
  });

  it('takes the planner’s estimate, and says so, where counting would take long', async () => {
    await insertTickets(database, keysUpTo(500));
    await database.$executeRaw`ANALYZE tickets`;
    expect(await planPartition(database, 'test', 100)).toMatchObject({ rowsTotal: 500n, totalIsEstimate: true });
  });

  it('counts on what it has seen where there is no better estimate', async () => {
    await insertTickets(database, keysUpTo(500));
    expect(await planPartition(database, 'test', 100)).toMatchObject({ rowsTotal: 101n, totalIsEstimate: true });
  });
});
