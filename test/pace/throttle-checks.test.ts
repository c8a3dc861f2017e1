import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type EmbeddedServer, startEmbeddedServer } from '../../scripts/support/embedded-server.ts';
import { openTicketDatabase, type TicketDatabase } from '../../scripts/support/ticket-database.ts';
import { parseSettings } from '../../src/index.ts';
import { throttleChecks } from '../../src/pace/throttle-checks.ts';
import { prisma } from '../support/command.ts';
import { PATIENT } from '../support/patient.ts';
import { ticketContext } from '../support/rotations.ts';
import { insertTickets, keysUpTo } from '../support/tickets.ts';
import { until } from '../support/until.ts';

describe('the throttle', () => {
  let server: EmbeddedServer;
  let database: TicketDatabase;
  beforeAll(async () => {
    server = await startEmbeddedServer({ archive_mode: 'on', archive_command: 'false', max_connections: '30' });
    await prisma(['migrate', 'deploy'], server.url('postgres'));
    database = openTicketDatabase(server.url('postgres'), { connections: 4 });
  });
  beforeEach(() => database.$executeRaw`TRUNCATE tickets, rotations CASCADE`);
  afterAll(async () => {
    await database.$disconnect();
    await server.stop();
  });

  /** @returns null when it is turned off */
  const read = async (reason: string, settings: object, throttle?: () => Promise<string | null>) => {
    const checks = throttleChecks(ticketContext(database, throttle === undefined ? {} : { throttle }));
    const check = checks.find((each) => each.reason === reason);
    if (check === undefined) throw new Error(`there is no ${reason}`);
    return check.read(parseSettings(settings));
  };

  it.each([
    '--max-replica-lag-ms',
    '--max-slot-wal-mb',
    '--max-dead-row-ratio',
    '--max-transaction-age-ms',
    '--max-waiting-sessions',
    'throttle',
  ])('%s is off unless somebody asks for it', async (reason) => {
    expect(await read(reason, {})).toBeNull();
  });

  it('--max-slot-wal-mb reads how much WAL a replication slot retains', async () => {
    expect(await read('--max-slot-wal-mb', { maxSlotWalMb: 1 })).toMatchObject({ load: 0 });
    await database.$queryRaw`SELECT FROM pg_create_physical_replication_slot('idle', true)`;
    await insertTickets(database, keysUpTo(10_000));
    const reading = await read('--max-slot-wal-mb', { maxSlotWalMb: 1 });
    await database.$queryRaw`SELECT pg_drop_replication_slot('idle')::text`;
    expect(reading?.load).toBeGreaterThan(1);
    expect(reading?.detail).toMatch(/^replication slot idle retains [\d.]+ MB of WAL, of 1 MB at most$/);
  });

  it('--max-unarchived-files is on, and holds the rotation back while archiving fails', async () => {
    await database.$queryRaw`SELECT pg_switch_wal()::text`;
    await until(async () => (await read('--max-unarchived-files', {}))?.load === Number.POSITIVE_INFINITY);
    expect(await read('--max-unarchived-files', {})).toMatchObject({
      detail: 'archiving WAL fails (see pg_stat_archiver)',
    });
    expect(await read('--max-unarchived-files', { maxUnarchivedFiles: null })).toBeNull();
    await database.$executeRaw`SELECT pg_stat_reset_shared('archiver')`;
    await database.$executeRaw`ALTER SYSTEM SET archive_command = ''`; // archives nothing, and does not fail
    await database.$executeRaw`SELECT pg_reload_conf()`;
    await until(async () => {
      await database.$executeRaw`SELECT pg_stat_reset_shared('archiver')`;
      const reading = await read('--max-unarchived-files', { maxUnarchivedFiles: 2 });
      return /^\d+ WAL files? waits? to be archived, of 2 at most$/.test(reading?.detail ?? '');
    });
  });

  it('--min-free-connections reads how many are left for others', async () => {
    expect(await read('--min-free-connections', {})).toMatchObject({ load: 0 });
    expect(await read('--min-free-connections', { minFreeConnections: 0 })).toBeNull();
    expect(await read('--min-free-connections', { minFreeConnections: 31 })).toMatchObject({
      load: 1,
      detail: expect.stringMatching(/^\d+ connections of the server are free, of 31 at least$/),
    });
  });

  it('--max-dead-row-ratio reads the dead rows of the table', async () => {
    await database.$executeRaw`ALTER TABLE tickets SET (autovacuum_enabled = false)`;
    await insertTickets(database, keysUpTo(1_000));
    await database.$executeRaw`UPDATE tickets SET subject = 'x'`;
    await until(async () => {
      await database.$executeRaw`SELECT pg_stat_force_next_flush()`;
      return ((await read('--max-dead-row-ratio', { maxDeadRowRatio: 0.5 }))?.load ?? 0) > 1;
    });
    await database.$executeRaw`VACUUM tickets`;
    await until(async () => (await read('--max-dead-row-ratio', { maxDeadRowRatio: 0.5 }))?.load === 0);
  });

  it('--max-transaction-age-ms reads the oldest transaction of others', async () => {
    await database.$transaction(async (transaction) => {
      await transaction.$executeRaw`CREATE TEMPORARY TABLE mine ()`;
      await until(
        async () => ((await read('--max-transaction-age-ms', { maxTransactionAgeMs: 1_000 }))?.load ?? 0) > 1,
      );
      expect(await read('--max-transaction-age-ms', { maxTransactionAgeMs: 60_000 })).toMatchObject({
        detail: expect.stringMatching(/^$|^the transaction of process \d+ is [\d.]+ s old, of 60 s at most$/),
      });
    }, PATIENT);
  });

  it('--max-waiting-sessions reads who waits for locks of the rotation, and nobody else', async () => {
    const others = openTicketDatabase(`${server.url('postgres')}?application_name=shop`, { connections: 2 });
    await insertTickets(database, keysUpTo(2));
    const waiting = () => read('--max-waiting-sessions', { maxWaitingSessions: 2 });
    await database.$transaction(async (transaction) => {
      await transaction.$executeRaw`UPDATE tickets SET subject = 'ours' WHERE id = 1`;
      const update = others.$executeRaw`UPDATE tickets SET subject = 'theirs' WHERE id = 1`.then();
      await until(async () => (await waiting())?.load === 0.5);
      expect(await waiting()).toMatchObject({
        detail: '1 session waits for locks of the rotation, of 2 at most',
      });
      void update.catch(() => {});
    }, PATIENT);
    await until(async () => (await waiting())?.load === 0);
    await others.$disconnect();
  });

  it('of the config holds the rotation back for the reason that it returns', async () => {
    expect(await read('throttle', {}, async () => null)).toBeNull();
    expect(await read('throttle', {}, async () => 'the queue is long')).toEqual({
      load: 1,
      detail: 'the queue is long',
    });
    await expect(read('throttle', {}, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  });
});
