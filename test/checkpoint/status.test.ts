import { describe, expect, it } from '@jest/globals';
import { claimNext, renewClaim } from '../../src/checkpoint/claims.ts';
import { parseSettings, type RotationEvent, readStatus, rotate } from '../../src/index.ts';
import { useTestDatabase } from '../support/database.ts';
import { storeFor } from '../support/rotations.ts';
import { insertTickets, keysUpTo, TICKETS } from '../support/tickets.ts';

describe('the status', () => {
  const { database } = useTestDatabase();
  /** Stops after the first batch, unless it is to go on. */
  const run = (name: string, isToGoOn = false) => {
    const controller = new AbortController();
    const onEvent = ({ type }: RotationEvent) => {
      if (type === 'batch' && !isToGoOn) controller.abort();
    };
    const settings = parseSettings({ name, again: true, batchSize: 100, workers: 1 });
    return rotate({ database, target: TICKETS, settings, signal: controller.signal, onEvent });
  };

  it('is nothing where no rotation was ever started', async () => {
    expect(await readStatus(database, TICKETS.records)).toEqual([]);
  });

  it('is of every rotation, the last started first, or of one', async () => {
    await insertTickets(database, keysUpTo(200));
    await run('march', true);
    await run('april');
    const statuses = await readStatus(database, TICKETS.records);
    expect(statuses).toMatchObject([
      { rotation: 'april', state: 'stopped', rowsDone: 100, rowsTotal: 200, completedAt: null, verifiedAt: null },
      { rotation: 'march', state: 'complete', rowsDone: 200, completedAt: expect.any(Date), condemned: 200 },
    ]);
    expect((await readStatus(database, TICKETS.records, 'march')).map(({ rotation }) => rotation)).toEqual(['march']);
  });

  it('says who holds which partition and since when, and what went wrong last', async () => {
    await insertTickets(database, keysUpTo(40_000));
    await run('march');
    const claimed = await claimNext(storeFor(database, 'march'), 'web-1:4242:x');
    if (claimed === null) throw new Error('there is nothing to claim');
    await renewClaim(storeFor(database, 'march'), claimed, 'the connection to the database was lost.');
    const [status] = await readStatus(database, TICKETS.records);
    expect(status).toMatchObject({ state: 'running' });
    expect(status?.partitions.map(({ state, holder, lastFault }) => ({ state, holder, lastFault }))).toEqual([
      {
        state: 'held',
        holder: { claimant: 'web-1:4242:x', since: claimed.claimedSince },
        lastFault: { fault: 'the connection to the database was lost.', at: expect.any(Date) },
      },
      { state: 'waiting', holder: null, lastFault: null },
    ]);
  });

  it('does not count a claim that has expired', async () => {
    await insertTickets(database, keysUpTo(200));
    await run('march');
    await claimNext(storeFor(database, 'march'), 'web-1:4242:x');
    await database.$executeRaw`UPDATE rotation_checkpoints SET claimed_until = clock_timestamp() - interval '1 second'`;
    expect(await readStatus(database, TICKETS.records)).toMatchObject([
      { state: 'stopped', partitions: [{ holder: null }] },
    ]);
  });
});
