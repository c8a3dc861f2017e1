import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type EmbeddedServer, startEmbeddedServer } from '../scripts/support/embedded-server.ts';
import { openTicketDatabase, type TicketDatabase } from '../scripts/support/ticket-database.ts';
import { parseSettings, type RotationEvent, rotate } from '../src/index.ts';
import { prisma } from './support/command.ts';
import { useTestDatabase } from './support/database.ts';
import { changesPerTicket, insertTickets, keysUpTo, recordTokenChanges, TICKETS } from './support/tickets.ts';

describe('a rotation that is held back', () => {
  const { database } = useTestDatabase();
  const { run, heldBackBy } = runner(() => database);

  it('keeps to a rate, within a twentieth', async () => {
    await insertTickets(database, keysUpTo(30_000));
    const startedAtMs = performance.now();
    await run({ maxRowsPerSecond: 10_000 });
    const rowsPerSecond = 30_000 / ((performance.now() - startedAtMs) / 1_000);
    expect(rowsPerSecond).toBeLessThan(10_500);
    expect(heldBackBy()).toContain('--max-rows-per-second');
  });

  it('pauses after each batch in proportion to it, and says so', async () => {
    await insertTickets(database, keysUpTo(1_000));
    await run({ pauseRatio: 2, batchSize: 100 });
    expect(heldBackBy()).toContain('--pause-ratio');
  });

  it('keeps its claim during a long pause', async () => {
    await insertTickets(database, keysUpTo(100));
    await recordTokenChanges(database);
    const slow = run({ maxRowsPerSecond: 12, batchSize: 50, targetBatchMs: 4_000 }); // more than a claim lasts
    const other = new AbortController();
    setTimeout(() => other.abort(), 4_500);
    await rotate({
      database,
      target: TICKETS,
      settings: parseSettings({ name: 'test' }),
      signal: other.signal,
      onEvent: () => {},
    }).catch(() => {}); // it finds the partition held
    expect(await slow).toMatchObject({ outcome: 'complete', rowsDone: 100 });
    expect(await changesPerTicket(database)).toEqual({ 1: 100 });
  });
});

describe('a rotation that minds its replicas', () => {
  let primary: EmbeddedServer;
  let standby: Pick<EmbeddedServer, 'url' | 'stop'>;
  let database: TicketDatabase;
  let onStandby: TicketDatabase;
  const { run, events } = runner(() => database);
  beforeAll(async () => {
    primary = await startEmbeddedServer({ hot_standby: 'on' });
    await prisma(['migrate', 'deploy'], primary.url('postgres'));
    standby = await primary.addStandby('reader');
    database = openTicketDatabase(primary.url('postgres'), { connections: 4 });
    onStandby = openTicketDatabase(standby.url('postgres'), { connections: 1 });
  });
  beforeEach(() => database.$executeRaw`TRUNCATE tickets, rotations CASCADE`);
  afterAll(async () => {
    await onStandby.$disconnect();
    await database.$disconnect();
    await standby.stop().catch(() => {});
    await primary.stop();
  });

  const until = async (condition: () => boolean | Promise<boolean>) => {
    while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 50));
  };

  it('waits while one falls behind, says which and how far, and goes on when it has caught up', async () => {
    await insertTickets(database, keysUpTo(20_000));
    await onStandby.$queryRaw`SELECT pg_wal_replay_pause()::text`;
    const running = run({ maxReplicaLagMs: 1_000, maxRowsPerSecond: 4_000 });
    await until(() => events.some((event) => event.type === 'throttled' && event.reason === '--max-replica-lag-ms'));
    const heldAt = await rowsDone();
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(await rowsDone()).toBe(heldAt);
    expect(events).toContainEqual(
      expect.objectContaining({
        detail: expect.stringMatching(/^replica reader at 127\.0\.0\.1 is \d+\.\d s behind$/),
      }),
    );
    await onStandby.$queryRaw`SELECT pg_wal_replay_resume()::text`;
    expect(await running).toMatchObject({ outcome: 'complete', rowsDone: 20_000 });
  });

  it('refuses to start when it may not see how far they are', async () => {
    await insertTickets(database, keysUpTo(10));
    await database.$executeRaw`CREATE ROLE shop LOGIN PASSWORD 'shop'`;
    await database.$executeRaw`GRANT ALL ON tickets, rotations, rotation_checkpoints, condemned_tokens TO shop`;
    const url = Object.assign(new URL(primary.url('postgres')), { username: 'shop', password: 'shop' }).href;
    const asShop = openTicketDatabase(url);
    await expect(runner(() => asShop).run({ maxReplicaLagMs: 1_000 })).rejects.toThrow(/GRANT pg_monitor/);
    await asShop.$disconnect();
  });

  it('says when one is gone, and does not wait for it any more', async () => {
    await insertTickets(database, keysUpTo(20_000));
    const running = run({ maxReplicaLagMs: 1_000, maxRowsPerSecond: 6_000 });
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    await standby.stop();
    expect(await running).toMatchObject({ outcome: 'complete' });
    expect(events).toContainEqual({ type: 'replicaLost', name: 'reader at 127.0.0.1' });
  });

  it('starts although there is none', async () => {
    await insertTickets(database, keysUpTo(10));
    expect(await run({ maxReplicaLagMs: 1_000 })).toMatchObject({ outcome: 'complete' });
  });

  const rowsDone = async () => {
    const { _sum } = await database.rotationCheckpoint.aggregate({ _sum: { rowsRotated: true } });
    return Number(_sum.rowsRotated ?? 0n);
  };
});

function runner(database: () => TicketDatabase) {
  const events: RotationEvent[] = [];
  const run = (settings: object) => {
    events.length = 0;
    return rotate({
      database: database(),
      target: TICKETS,
      settings: parseSettings({ name: 'test', workers: 2, ...settings }),
      signal: new AbortController().signal,
      onEvent: (event) => events.push(event),
    });
  };
  const heldBackBy = () => events.flatMap((event) => (event.type === 'throttled' ? [event.reason] : []));
  return { run, events, heldBackBy };
}
