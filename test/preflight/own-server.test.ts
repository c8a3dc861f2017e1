import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type EmbeddedServer, startEmbeddedServer } from '../../scripts/support/embedded-server.ts';
import { openTicketDatabase, type TicketDatabase } from '../../scripts/support/ticket-database.ts';
import { type Finding, parseSettings } from '../../src/index.ts';
import { readLongTransactions } from '../../src/preflight/long-transactions.ts';
import { inspectDatabase } from '../../src/preflight/preflight.ts';
import { prisma } from '../support/command.ts';
import { findingOf } from '../support/findings.ts';
import { PATIENT } from '../support/patient.ts';
import { TICKETS } from '../support/tickets.ts';

const CONNECTIONS = 12;
const RESERVED = 3;

/** Only for a server that dies with this test. */
const PASSWORD = 'preflight';

describe('the preflight on a server of its own', () => {
  let server: EmbeddedServer;
  let database: TicketDatabase;
  /** Of a user who may just do what a rotation does. */
  let asClerk: TicketDatabase;

  beforeAll(async () => {
    server = await startEmbeddedServer({
      fsync: 'off',
      wal_level: 'logical',
      max_prepared_transactions: '2',
      max_connections: `${CONNECTIONS}`,
      superuser_reserved_connections: `${RESERVED}`,
    });
    const url = server.url('postgres');
    await prisma(['migrate', 'deploy'], url);
    database = openTicketDatabase(url);
    await database.$executeRawUnsafe(`CREATE ROLE clerk LOGIN PASSWORD '${PASSWORD}'`);
    await database.$executeRaw`GRANT SELECT, UPDATE ON tickets TO clerk`;
    await database.$executeRaw`GRANT SELECT, INSERT, UPDATE, DELETE ON rotations, rotation_checkpoints, condemned_tokens, rotation_runs, rotation_orders, rotation_checks TO clerk`;
    const { host } = new URL(url);
    asClerk = openTicketDatabase(`postgresql://clerk:${PASSWORD}@${host}/postgres`, { connections: 1 });
  });
  afterAll(async () => {
    await asClerk.$disconnect();
    await database.$disconnect();
    await server.stop();
  });
  const inspect = async (check: string, on = asClerk, settings = {}): Promise<Finding | undefined> =>
    findingOf(await inspectDatabase(on, TICKETS, parseSettings(settings)), check);

  it('finds everything in order for a user with just the privileges that are needed', async () => {
    const findings = await inspectDatabase(asClerk, TICKETS, parseSettings({}));
    expect(findings.filter(({ level }) => level !== 'ok')).toEqual([]);
    expect(findingOf(findings, 'privileges')?.message).toBe('clerk has the privileges that it needs.');
  });

  it('counts the connections that are free for this user', async () => {
    const most = CONNECTIONS - RESERVED;
    const used = 1; // that of `database`
    expect(await inspect('connections', asClerk, { workers: 2 })).toMatchObject({
      level: 'ok',
      message: `3 connections are needed, and ${most - used} of ${most} are free.`,
    });
    expect(await inspect('connections', asClerk, { workers: 6 })).toMatchObject({ level: 'warning' });
    expect(await inspect('connections', asClerk, { workers: 8 })).toMatchObject({
      level: 'stop',
      message: `9 connections are needed, and ${most - used} of ${most} are free (max_connections).`,
    });
    expect(await inspect('connections', database, { workers: 8 })).toMatchObject({ level: 'warning' }); // superuser
  });

  it.each([
    ['this user', 'ROLE clerk'],
    ['this database', 'DATABASE postgres'],
  ])('knows the limit of %s', async (name, what) => {
    await database.$executeRawUnsafe(`ALTER ${what} CONNECTION LIMIT 2`);
    const finding = await inspect('connections');
    await database.$executeRawUnsafe(`ALTER ${what} CONNECTION LIMIT -1`);
    expect(finding?.level).toBe('stop');
    expect(finding?.message).toMatch(new RegExp(`and [12] of 2 are free \\(the limit of ${name}\\)\\.$`));
  });

  it('says when the user, or the database, is read-only', async () => {
    await database.$executeRaw`ALTER ROLE clerk SET default_transaction_read_only = on`;
    const { host } = new URL(server.url('postgres'));
    const anew = openTicketDatabase(`postgresql://clerk:${PASSWORD}@${host}/postgres`, { connections: 1 });
    const finding = await inspect('writable', anew);
    await anew.$disconnect();
    await database.$executeRaw`ALTER ROLE clerk RESET default_transaction_read_only`;
    expect(finding).toMatchObject({ level: 'stop', message: expect.stringContaining('transactions are read-only') });
  });

  it('names a replication slot that nobody uses, with what it keeps', async () => {
    await database.$executeRaw`SELECT pg_create_physical_replication_slot('forgotten', true)`;
    await database.$executeRaw`SELECT pg_create_physical_replication_slot('unused', false)`;
    const finding = await inspect('replication');
    await database.$executeRaw`SELECT pg_drop_replication_slot('forgotten'), pg_drop_replication_slot('unused')`;
    expect(finding?.level).toBe('warning');
    expect(finding?.message).toMatch(/^replication slots without a consumer .+: forgotten \(\d.*B\)\.$/);
  });

  it('names a replication slot that decodes the changes of this database', async () => {
    const holder = openTicketDatabase(server.url('postgres'), { connections: 1 });
    // A temporary slot is in use for as long as its session lives.
    await holder.$executeRaw`SELECT pg_create_logical_replication_slot('warehouse', 'pgoutput', true)`;
    const finding = await inspect('replication');
    await holder.$disconnect();
    expect(finding).toMatchObject({
      level: 'warning',
      message: 'each change will be decoded for logical replication: warehouse.',
    });
  });

  it('finds prepared transactions', async () => {
    await database.$transaction(async (transaction) => {
      await transaction.$executeRaw`SELECT pg_current_xact_id()`;
      await transaction.$executeRaw`PREPARE TRANSACTION 'order 7'`;
    }, PATIENT);
    const { seen } = await readLongTransactions(asClerk, 0);
    await database.$executeRaw`ROLLBACK PREPARED 'order 7'`;
    expect(seen).toEqual([{ pid: null, prepared: "'order 7'", ageSeconds: expect.any(Number) }]);
  });

  it('says what it cannot see of the transactions of others', async () => {
    const finding = await database.$transaction(async (transaction) => {
      await transaction.$executeRaw`SELECT pg_current_xact_id()`;
      return inspect('long-transactions');
    }, PATIENT);
    expect(finding).toMatchObject({
      level: 'ok',
      message: 'no transaction of this user is older than 5 min; those of others are hidden without pg_monitor.',
    });
  });

  it('warns where the server refuses to say something', async () => {
    await database.$executeRaw`REVOKE SELECT ON pg_stat_replication FROM public`;
    const finding = await inspect('replication');
    await database.$executeRaw`GRANT SELECT ON pg_stat_replication TO public`;
    expect(finding).toEqual({
      check: 'replication',
      level: 'warning',
      message: 'the server denied the answer (42501).',
      advice: 'GRANT pg_monitor to the user of DATABASE_URL, or check this by other means.',
    });
  });

  it('fails like everything else where the server is away', async () => {
    const away = openTicketDatabase('postgresql://nobody:nothing@127.0.0.1:1/postgres');
    await expect(inspectDatabase(away, TICKETS, parseSettings({}))).rejects.toThrow();
    await away.$disconnect();
  });
});
