import { describe, expect, it } from '@jest/globals';
import type { AfterBatch } from '../../src/config/target.ts';
import { parseSettings, type RotationEvent, rotate } from '../../src/index.ts';
import { extrapolate, rehearse } from '../../src/rotate/dry-run.ts';
import { useTestDatabase } from '../support/database.ts';
import { insertTickets, keysUpTo, TICKETS, tokensByKey } from '../support/tickets.ts';

const PACE = { workers: 2, pauseRatio: 0, maxRowsPerSecond: null };

describe('a dry run', () => {
  const { database } = useTestDatabase();
  const context = (settings: object = {}) => ({
    database,
    target: TICKETS,
    settings: parseSettings({ name: 'test', ...settings }),
    signal: new AbortController().signal,
    onEvent: () => {},
  });

  it.each(['app', 'database'])('writes a batch, measures it, and leaves nothing of it (tokens: %s)', async (tokens) => {
    await insertTickets(database, keysUpTo(50_000));
    const before = await tokensByKey(database);
    const rehearsal = await rehearse(context({ tokens }));
    expect(rehearsal).toMatchObject({
      resumed: false,
      rows: 50_000,
      rowsAreEstimate: false,
      partitions: 3,
      watermark: '50000',
    });
    expect(rehearsal?.batch).toMatchObject({ rows: 2_000 });
    expect(rehearsal?.batch.walBytes).toBeGreaterThan(2_000 * 50);
    expect(await tokensByKey(database)).toEqual(before);
    expect(await database.rotationCheckpoint.count()).toBe(0);
  });

  it('is of what is left when the rotation has begun', async () => {
    await insertTickets(database, keysUpTo(1_000));
    const controller = new AbortController();
    const onEvent = ({ type }: RotationEvent) => type === 'batch' && controller.abort();
    await rotate({ ...context({ batchSize: 400, workers: 1 }), onEvent, signal: controller.signal });
    expect(await rehearse(context())).toMatchObject({ resumed: true, rows: 600, batch: { rows: 600 } });
  });

  describe('of a target with an afterBatch', () => {
    const rehearseWith = async (afterBatch: AfterBatch, targetBatchMs = 250) => {
      await insertTickets(database, keysUpTo(300));
      return rehearse({ ...context({ targetBatchMs }), target: { ...TICKETS, afterBatch } });
    };

    it('begins with a small batch, and says when that takes long for its rows', async () => {
      const rowByRow: AfterBatch = async (transaction, rows) => {
        for (const { key } of rows)
          await transaction.$executeRaw`UPDATE tickets SET subject = 'told' WHERE id = ${key} AND pg_sleep(0.005) IS NULL`;
      };
      expect(await rehearseWith(rowByRow)).toMatchObject({ batch: { rows: 100 }, isSlowedByAfterBatch: true });
    });

    it('has nothing to say of one that writes all rows with one statement', async () => {
      const atOnce: AfterBatch = (transaction, rows) =>
        transaction.$executeRaw`UPDATE tickets SET subject = 'told' WHERE id = ANY (${rows.map(({ key }) => key)})`;
      // A target that the slowest of machines keeps.
      expect(await rehearseWith(atOnce, 10_000)).toMatchObject({ batch: { rows: 100 }, isSlowedByAfterBatch: false });
    });

    it('is refused when that changes the tokens', async () => {
      const rehash: AfterBatch = (transaction) =>
        transaction.$executeRaw`UPDATE tickets SET token = '00000000-0000-0000-0000-000000000000' WHERE id = 7`;
      await expect(rehearseWith(rehash)).rejects.toThrow('1 of the 100 rows');
    });
  });

  it('is of nothing when the table is empty, or all is done', async () => {
    expect(await rehearse(context())).toBeNull();
    await insertTickets(database, keysUpTo(10));
    await rotate(context());
    expect(await rehearse(context())).toBeNull();
  });
});

describe('what is expected', () => {
  const cost = { rows: 2_000, foreign: 0, durationMs: 20, walBytes: 1_000_000, growthBytes: 200_000 };

  it('is a multiple of the batch, divided among the workers at best', () => {
    expect(extrapolate(cost, 1_000_000, PACE)).toEqual({
      leastMs: 5_000,
      mostMs: 10_000,
      walBytes: 500_000_000,
      growthBytes: 100_000_000,
    });
  });

  it('takes pauses into account', () => {
    expect(extrapolate(cost, 1_000_000, { ...PACE, pauseRatio: 3 })).toMatchObject({ leastMs: 20_000, mostMs: 40_000 });
  });

  it('is no faster than the rate allows', () => {
    expect(extrapolate(cost, 1_000_000, { ...PACE, maxRowsPerSecond: 5_000 })).toMatchObject({
      leastMs: 200_000,
      mostMs: 200_000,
    });
  });

  it('is not known when the batch had no row to rotate', () => {
    expect(extrapolate({ ...cost, rows: 0 }, 10, PACE)).toBeNull();
  });
});
