import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type EmbeddedServer, startEmbeddedServer } from '../../scripts/support/embedded-server.ts';
import { openTicketDatabase, type TicketDatabase } from '../../scripts/support/ticket-database.ts';
import { prisma, runRotation, startRotation } from '../support/command.ts';
import { changesPerTicket, insertTickets, keysUpTo, recordTokenChanges } from '../support/tickets.ts';
import { until } from '../support/until.ts';

const TICKETS = 5_000;
const CONNECTIONS = 12;
/** Small enough that a run takes a second or two, and a fault finds it in the middle. */
const SLOWLY = ['--batch-size', '20'];

describe('the command, on a server of its own that is in trouble,', () => {
  let server: EmbeddedServer;
  let url: string;
  let database: TicketDatabase;

  beforeAll(async () => {
    server = await startEmbeddedServer({ max_connections: `${CONNECTIONS}`, superuser_reserved_connections: '0' });
    url = server.url('postgres');
    database = openTicketDatabase(url, { connections: 1 });
    await prisma(['migrate', 'deploy'], url);
  });
  afterAll(async () => {
    await database.$disconnect();
    await server.stop();
  });
  beforeEach(async () => {
    await database.$executeRaw`TRUNCATE tickets, rotations RESTART IDENTITY CASCADE`;
    await insertTickets(database, keysUpTo(TICKETS));
    await recordTokenChanges(database);
  });
  const halfDone = async () => {
    const rows = async () => Number((await database.rotationCheckpoint.findFirst())?.rowsRotated ?? 0);
    await until(async () => (await rows()) >= TICKETS / 10);
  };

  it('goes on after the server has crashed and recovered', async () => {
    const running = startRotation(SLOWLY, url);
    await halfDone();
    await server.crash();
    await server.restart();
    expect(await running.ended).toMatchObject({ exitCode: 0, stderr: '' });
    expect((await running.ended).stdout).toMatch(/Retrying in \d\.\d s \(attempt 1 failed\)\./);
    await database.$queryRaw`SELECT`.catch(() => {}); // the connection of this test broke, too
    expect(await changesPerTicket(database)).toEqual({ 1: TICKETS });
  });

  it('waits while the database is read-only, as during a failover', async () => {
    const running = startRotation(SLOWLY, url);
    await halfDone();
    await database.$executeRawUnsafe('ALTER SYSTEM SET default_transaction_read_only = on');
    await database.$queryRaw`SELECT pg_reload_conf()`;
    await running.untilPrinted('25006');
    await database.$executeRaw`SET default_transaction_read_only = off`;
    await database.$executeRawUnsafe('ALTER SYSTEM RESET default_transaction_read_only');
    await database.$queryRaw`SELECT pg_reload_conf()`;
    expect(await running.ended).toMatchObject({ exitCode: 0, stderr: '' });
    expect(await changesPerTicket(database)).toEqual({ 1: TICKETS });
  });

  it('waits while the server has no connection left', async () => {
    const others = openTicketDatabase(url, { connections: CONNECTIONS - 1 });
    const sessions = Array.from({ length: CONNECTIONS - 1 }, () => others.$queryRaw`SELECT pg_sleep(60)::text`);
    const closed = Promise.allSettled(sessions);
    const running = startRotation(SLOWLY, url);
    await running.untilPrinted('53300');
    await database.$queryRaw`SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'PgSleep'`;
    expect(await running.ended).toMatchObject({ exitCode: 0, stderr: '' });
    await closed;
    await others.$disconnect();
    expect(await changesPerTicket(database)).toEqual({ 1: TICKETS });
  });

  it('gives up when the server stays away, and continues when it is run again', async () => {
    const running = startRotation([...SLOWLY, '--max-retry-time-ms', '500'], url);
    await halfDone();
    await database.$disconnect();
    await server.crash();
    const { exitCode, stderr } = await running.ended;
    await server.restart();
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(
      /^rotate-tokens: .* Gave up after \d+ attempts in [\d.]+ s\b.* the same command continues\.\n$/,
    );
    expect((await runRotation([], url)).exitCode).toBe(0);
    expect(await changesPerTicket(database)).toEqual({ 1: TICKETS });
  });

  it('stops waiting as soon as it gets a signal', async () => {
    const running = startRotation(SLOWLY, url);
    await halfDone();
    await database.$disconnect();
    await server.crash();
    await running.untilPrinted('attempt 1 failed');
    running.process.kill('SIGINT');
    expect(await running.ended).toMatchObject({ exitCode: 130, stderr: '' });
    expect((await running.ended).stdout).toContain('stopped; everything committed is saved.');
    await server.restart();
  });
});
