import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type EmbeddedServer, startEmbeddedServer } from '../../scripts/support/embedded-server.ts';
import { openTicketDatabase, type TicketDatabase } from '../../scripts/support/ticket-database.ts';
import { parseSettings, type RotationEvent, rotate } from '../../src/index.ts';
import { prisma } from '../support/command.ts';
import { ticketContext } from '../support/rotations.ts';
import { insertTickets, keysUpTo, survivors, tokensByKey } from '../support/tickets.ts';
import { until } from '../support/until.ts';

const ROWS = 200;
const BATCH = 50;

describe('a leaked token that the server itself brings back', () => {
  let server: EmbeddedServer;
  let database: TicketDatabase;
  /** Where the rows come from that a subscription of `database` writes. */
  let publisher: TicketDatabase;

  beforeAll(async () => {
    server = await startEmbeddedServer({ fsync: 'off', wal_level: 'logical' });
    database = openTicketDatabase(server.url('postgres'), { connections: 3 });
    await database.$executeRaw`CREATE DATABASE publisher`;
    for (const name of ['postgres', 'publisher']) await prisma(['migrate', 'deploy'], server.url(name));
    publisher = openTicketDatabase(server.url('publisher'), { connections: 1 });
  });
  beforeEach(() => database.$executeRaw`TRUNCATE tickets, rotations RESTART IDENTITY CASCADE`);
  afterAll(async () => {
    await database.$disconnect();
    await publisher.$disconnect();
    await server.stop();
  });

  /** Rotates; of the first call only the first batches, if so many are given. */
  const run = (batches = Number.POSITIVE_INFINITY) => {
    const stop = new AbortController();
    let written = 0;
    const onEvent = ({ type }: RotationEvent) => {
      if (type === 'batch') written += 1;
      if (written >= batches) stop.abort();
    };
    const settings = parseSettings({ name: 'test', batchSize: BATCH, workers: 1 });
    return rotate(ticketContext(database, { settings, onEvent, signal: stop.signal }));
  };

  it('on a logical subscriber, when the publisher changes something else of the row, is replaced', async () => {
    await insertTickets(publisher, keysUpTo(ROWS));
    await publisher.$executeRaw`CREATE PUBLICATION shop FOR TABLE tickets`;
    // On one server the slot has to be there before, or the subscription would wait for itself.
    await publisher.$queryRaw`SELECT pg_create_logical_replication_slot('shop', 'pgoutput')::text`;
    const { hostname, port, password } = new URL(server.url('publisher'));
    const connection = `host=${hostname} port=${port} user=postgres password=${password} dbname=publisher`;
    await database.$executeRawUnsafe(
      `CREATE SUBSCRIPTION shop CONNECTION '${connection}' PUBLICATION shop WITH (create_slot = false)`,
    );
    await until(async () => (await database.ticket.count()) === ROWS);
    const leaked = await tokensByKey(database);

    await expect(run()).rejects.toThrow('is written by logical replication (subscription shop)');
    await database.$executeRaw`ALTER SUBSCRIPTION shop DISABLE`;
    expect(await run(ROWS / BATCH - 1)).toMatchObject({ outcome: 'interrupted' });
    await database.$executeRaw`ALTER SUBSCRIPTION shop ENABLE`;
    await publisher.ticket.updateMany({ where: { id: { lte: 100 } }, data: { subject: 'changed' } });
    await until(async () => (await database.ticket.count({ where: { subject: 'changed' } })) === 100);
    expect(survivors(leaked, await tokensByKey(database))).toBeGreaterThan(BATCH);

    await database.$executeRaw`ALTER SUBSCRIPTION shop DISABLE`;
    expect(await run()).toMatchObject({ outcome: 'complete' });
    expect(survivors(leaked, await tokensByKey(database))).toBe(0);
    await database.$executeRaw`ALTER SUBSCRIPTION shop SET (slot_name = NONE)`;
    await database.$executeRaw`DROP SUBSCRIPTION shop`;
  });

  it('in an unlogged table, emptied by a crash and loaded from a backup, is replaced', async () => {
    await insertTickets(database, keysUpTo(ROWS));
    await database.$executeRaw`ALTER TABLE tickets SET UNLOGGED`;
    const backup = await database.ticket.findMany();
    const leaked = await tokensByKey(database);

    expect(await run(ROWS / BATCH - 1)).toMatchObject({ outcome: 'interrupted' });
    await server.crash();
    await server.restart();
    await until(async () => (await database.ticket.count().catch(() => -1)) === 0);
    await database.ticket.createMany({ data: backup });

    expect(await run()).toMatchObject({ outcome: 'complete' });
    expect(survivors(leaked, await tokensByKey(database))).toBe(0);
    await database.$executeRaw`ALTER TABLE tickets SET LOGGED`;
  });
});
