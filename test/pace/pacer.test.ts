import { once } from 'node:events';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Client } from 'pg';
import { type EmbeddedServer, startEmbeddedServer } from '../../scripts/support/embedded-server.ts';
import { openTicketDatabase, type TicketDatabase } from '../../scripts/support/ticket-database.ts';
import { CLAIM_MS } from '../../src/checkpoint/claims.ts';
import { readReplicationState } from '../../src/database/replicas.ts';
import { faultKind } from '../../src/errors/faults.ts';
import {
  ConfigurationError,
  HeldByAnotherProcessError,
  parseSettings,
  type RotationEvent,
  readStatus,
  rotate,
} from '../../src/index.ts';
import { rehearse } from '../../src/rotate/dry-run.ts';
import { prisma } from '../support/command.ts';
import { useTestDatabase } from '../support/database.ts';
import { PATIENT } from '../support/patient.ts';
import { ticketContext } from '../support/rotations.ts';
import { changesPerTicket, insertTickets, keysUpTo, recordTokenChanges, TICKETS } from '../support/tickets.ts';
import { until } from '../support/until.ts';

describe('a rotation that is held back', () => {
  const { database } = useTestDatabase();
  const { run, events, heldBackBy } = runner(() => database);

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
    await run({ pauseRatio: 2, batchSize: 100, workers: 1 });
    expect(heldBackBy()).toContain('--pause-ratio');
    const batchMs = events.flatMap((event) => (event.type === 'batch' ? [event.durationMs] : []));
    const pausesMs = events.flatMap((event) => (event.type === 'throttled' ? [event.waitMs] : []));
    expect(batchMs).toHaveLength(10);
    expect(pausesMs).toEqual(batchMs.slice(0, pausesMs.length).map((durationMs) => 2 * durationMs));
  });

  it('keeps its claim during a long pause', async () => {
    await insertTickets(database, keysUpTo(100));
    await recordTokenChanges(database);
    const slow = run({ maxRowsPerSecond: 12, batchSize: 50, targetBatchMs: 4_000 }); // more than a claim lasts
    await until(() => heldBackBy().includes('--max-rows-per-second'));
    await expect(runner(() => database).run({})).rejects.toThrow(HeldByAnotherProcessError);
    expect(await slow).toMatchObject({ outcome: 'complete', rowsDone: 100 });
    expect(await changesPerTicket(database)).toEqual({ 1: 100 });
  });
});

describe('a rotation that minds its replicas', () => {
  let primary: EmbeddedServer;
  let standby: Awaited<ReturnType<EmbeddedServer['addStandby']>>;
  let database: TicketDatabase;
  let onStandby: TicketDatabase;
  const { run, events, heldBackBy } = runner(() => database);
  beforeAll(async () => {
    primary = await startEmbeddedServer({ hot_standby: 'on' });
    await prisma(['migrate', 'deploy'], primary.url('postgres'));
    standby = await primary.addStandby('reader');
    database = openTicketDatabase(primary.url('postgres'), { connections: 4 });
    onStandby = openTicketDatabase(standby.url('postgres'), { connections: 1 });
  });
  beforeEach(async () => {
    await database.$executeRaw`DROP TRIGGER IF EXISTS fail_for_good ON tickets`;
    await database.$executeRaw`TRUNCATE tickets, rotations CASCADE`;
    await until(isFollowing);
  });
  afterAll(async () => {
    await onStandby.$disconnect();
    await database.$disconnect();
    await primary.stop();
  });

  const isFollowing = async () => {
    const { replicas } = await readReplicationState(database);
    return replicas.length === 1;
  };
  const pauseReplay = () => onStandby.$queryRaw`SELECT pg_wal_replay_pause()::text`;
  const resumeReplay = () => onStandby.$queryRaw`SELECT pg_wal_replay_resume()::text`;
  const isHeldBack = () => heldBackBy().includes('--max-replica-lag-ms');
  /** Of a second; before that, it is only slowed down. */
  const isBehindTheLimit = () => details().some((detail) => Number(/ is ([\d.]+) s behind/.exec(detail)?.[1]) > 1);
  const details = () => events.flatMap((event) => (event.type === 'throttled' ? [event.detail] : []));

  it('waits while one falls behind, says which and how far, and goes on when it has caught up', async () => {
    await insertTickets(database, keysUpTo(20_000));
    await pauseReplay();
    const running = run({ maxReplicaLagMs: 1_000, maxRowsPerSecond: 4_000 });
    await until(() => isBehindTheLimit());
    const heldAt = await rowsDone();
    const looks = details().length;
    await until(() => details().length >= looks + 3);
    expect(await rowsDone()).toBe(heldAt);
    expect(details()).toContainEqual(
      expect.stringMatching(/^replica reader at 127\.0\.0\.1 is [\d.]+ s behind, of 1 s at most$/),
    );
    await resumeReplay();
    expect(await running).toMatchObject({ outcome: 'complete', rowsDone: 20_000 });
  });

  it('keeps its claims while it waits for longer than a claim lasts, and the status says that it runs', async () => {
    await insertTickets(database, keysUpTo(20_000));
    await recordTokenChanges(database);
    await pauseReplay();
    const running = run({ maxReplicaLagMs: 500, batchSize: 100, workers: 1 });
    await until(() => isBehindTheLimit());
    const status = async () => (await readStatus(database, TICKETS.records))[0];
    const first = await status();
    // It takes over whatever comes free within the time of two claims.
    await expect(runner(() => database).run({ workers: 1 })).rejects.toThrow(HeldByAnotherProcessError);
    await until(async () => Number((await status())?.seenAt) - Number(first?.seenAt) > 2 * CLAIM_MS);
    expect(await status()).toMatchObject({ state: 'running', partitions: [{ holder: first?.partitions[0]?.holder }] });
    expect(first?.partitions[0]?.holder).not.toBeNull();
    await resumeReplay();
    expect(await running).toMatchObject({ outcome: 'complete' });
    expect(events.map(({ type }) => type)).not.toContain('overtaken');
    expect(await changesPerTicket(database)).toEqual({ 1: 20_000 });
  });

  it('ends when one worker fails for good while another waits', async () => {
    await insertTickets(database, keysUpTo(40_000));
    await failForGoodAtFirstTicket();
    const release = await holdTicket(1);
    const running = run({ maxReplicaLagMs: 500, batchSize: 100, lockTimeoutMs: 60_000 });
    const failure = running.catch((error: unknown) => error);
    await until(async () => (await rowsDone()) > 0); // by the worker of the other partition
    await pauseReplay();
    await until(() => isBehindTheLimit());
    await release();
    expect(await failure).toMatchObject({ name: expect.stringMatching(/Error$/) });
    expect(faultKind(await failure)).toBe('misconfigured');
    await resumeReplay();
  });

  it('refuses, also in a dry run, before anything is planned when it may not see how far they are', async () => {
    await insertTickets(database, keysUpTo(10));
    await database.$executeRaw`CREATE ROLE shop LOGIN PASSWORD 'shop'`;
    await database.$executeRaw`GRANT ALL ON ALL TABLES IN SCHEMA public TO shop`;
    const url = Object.assign(new URL(primary.url('postgres')), { username: 'shop', password: 'shop' }).href;
    const asShop = openTicketDatabase(url);
    const settings = parseSettings({ name: 'test', maxReplicaLagMs: 1_000 });
    for (const start of [rotate, rehearse]) {
      await expect(start(ticketContext(asShop, { settings }))).rejects.toThrow(/GRANT pg_monitor/);
      await expect(start(ticketContext(asShop, { settings }))).rejects.toThrow(ConfigurationError);
    }
    expect(await database.rotation.count()).toBe(0);
    await asShop.$disconnect();
  });

  it('takes a receiver that never replays, such as pg_receivewal, for no replica', async () => {
    await insertTickets(database, keysUpTo(10));
    const receiver = await receiveWal(primary.url('postgres'));
    await until(async () => {
      const rows = await database.$queryRaw<unknown[]>`
        SELECT FROM pg_stat_replication WHERE state IN ('streaming', 'catchup') AND replay_lsn IS NULL`;
      return rows.length > 0;
    });
    expect(await run({ maxReplicaLagMs: 1_000 })).toMatchObject({ outcome: 'complete' });
    await receiver.end();
    expect(events.map(({ type }) => type)).not.toContain('replicaLost');
  });

  it('waits for one that dies, says so once, and goes on when it is back', async () => {
    await insertTickets(database, keysUpTo(20_000));
    const running = run({ maxReplicaLagMs: 1_000, maxRowsPerSecond: 6_000 });
    await until(async () => (await rowsDone()) > 0);
    await standby.crash();
    await until(() => details().includes('replica reader at 127.0.0.1 does not stream'));
    const heldAt = await rowsDone();
    const looks = details().length;
    await until(() => details().length >= looks + 3);
    expect(await rowsDone()).toBe(heldAt);
    await standby.restart();
    expect(await running).toMatchObject({ outcome: 'complete', rowsDone: 20_000 });
    expect(events.filter(({ type }) => type === 'replicaLost')).toEqual([
      { type: 'replicaLost', name: 'reader at 127.0.0.1' },
    ]);
  });

  it('waits for one that was away at the start', async () => {
    await insertTickets(database, keysUpTo(10));
    await standby.crash();
    await until(async () => !(await isFollowing()));
    const running = run({ maxReplicaLagMs: 1_000 });
    await until(isHeldBack);
    expect(await rowsDone()).toBe(0);
    expect(events).toContainEqual({ type: 'replicaLost', name: null });
    await standby.restart();
    expect(await running).toMatchObject({ outcome: 'complete' });
  });

  it('waits for one whose replication slot is idle', async () => {
    await insertTickets(database, keysUpTo(10));
    await database.$executeRaw`SELECT pg_create_physical_replication_slot('berlin', true)`;
    const running = run({ maxReplicaLagMs: 1_000 });
    await until(() => details().includes('replica of slot berlin does not stream'));
    expect(await rowsDone()).toBe(0);
    await database.$executeRaw`SELECT pg_drop_replication_slot('berlin')`;
    expect(await running).toMatchObject({ outcome: 'complete' });
  });

  it('names in a dry run those that it would wait for', async () => {
    await insertTickets(database, keysUpTo(10));
    await database.$executeRaw`SELECT pg_create_physical_replication_slot('berlin', true)`;
    const told: RotationEvent[] = [];
    const settings = parseSettings({ name: 'test', maxReplicaLagMs: 1_000 });
    await rehearse(ticketContext(database, { settings, onEvent: (event) => told.push(event) }));
    await database.$executeRaw`SELECT pg_drop_replication_slot('berlin')`;
    expect(told).toContainEqual({ type: 'replicaLost', name: 'of slot berlin' });
  });

  const rowsDone = async () => {
    const { _sum } = await database.rotationCheckpoint.aggregate({ _sum: { rowsRotated: true } });
    return Number(_sum.rowsRotated ?? 0n);
  };

  /** Has the update of ticket 1 fail as if a privilege were missing. */
  const failForGoodAtFirstTicket = async () => {
    await database.$executeRaw`
      CREATE OR REPLACE FUNCTION fail_for_good() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '42501'; END $$`;
    await database.$executeRaw`
      CREATE TRIGGER fail_for_good BEFORE UPDATE ON tickets
      FOR EACH ROW WHEN (OLD.id = 1) EXECUTE FUNCTION fail_for_good()`;
  };

  /** Locks a row. @returns what releases it */
  const holdTicket = async (id: number) => {
    const release = new AbortController();
    const released = once(release.signal, 'abort');
    let isHeld = false;
    const holding = database.$transaction(async (transaction) => {
      await transaction.$queryRaw`SELECT FROM tickets WHERE id = ${id} FOR UPDATE`;
      isHeld = true;
      await released;
    }, PATIENT);
    await until(() => isHeld);
    return () => {
      release.abort();
      return holding;
    };
  };
});

/** Streams the write-ahead log, and never says how far it has replayed. */
async function receiveWal(url: string): Promise<Client> {
  // A connection parameter that its types leave out.
  const options = { connectionString: url, replication: 'true' };
  const client = new Client(options);
  client.on('error', () => {});
  await client.connect();
  const { rows } = await client.query('IDENTIFY_SYSTEM');
  void client.query(`START_REPLICATION PHYSICAL ${rows[0].xlogpos}`).catch(() => {});
  return client;
}

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
