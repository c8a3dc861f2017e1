import { describe, expect, it } from '@jest/globals';
import config from '../../rotate-tokens.config.ts';
import { openTicketDatabase } from '../../scripts/support/ticket-database.ts';
import { RECORD_TABLES } from '../../src/config/record-tables.ts';
import { parseSettings, schemaOf, targetNamed } from '../../src/index.ts';
import { inspectDatabase } from '../../src/preflight/preflight.ts';
import { useTestDatabase } from '../support/database.ts';
import { findingOf, findingsAfter } from '../support/findings.ts';
import { PATIENT } from '../support/patient.ts';
import { insertTickets, keysUpTo, TICKETS, tokensByKey } from '../support/tickets.ts';

const SETTINGS = parseSettings({});

/** In the order in which they are found. */
const CHECKS = [
  ['server-version', expect.stringMatching(/^the server is PostgreSQL 1[4-8], a tested version\.$/)],
  ['writable', 'the server takes writes.'],
  ['table', 'tickets in schema public is an ordinary table, and so are the tables of this package.'],
  ['privileges', 'postgres has the privileges that it needs.'],
  ['key-column', 'tickets.id is of type bigint and has the unique index tickets_pkey.'],
  ['token-column', 'tickets.token is of type uuid and not null.'],
  ['encoding', 'texts are stored as UTF8.'],
  ['token-kind', 'tokens are of kind uuid, with 122 bits that cannot be guessed.'],
  ['unique-index', 'index tickets_token_key keeps tokens unique.'],
  ['collation', 'keys and tokens sort as their indexes do.'],
  ['foreign-keys', 'no foreign key refers to tickets.token.'],
  ['constraints', 'every row of tickets has passed its constraints.'],
  ['triggers', 'no trigger will run.'],
  ['replication-role', 'triggers and foreign keys work as the application has them.'],
  ['rules', 'no rule rewrites updates of tickets.'],
  ['touched-columns', 'no column looks like the time of the last change.'],
  ['time-zone', 'the time zone of this session is UTC, as Prisma takes it to be.'],
  ['generated-columns', 'no stored column is generated from tickets.token.'],
  ['indexes', 'each rotated row gets a new entry in 2 indexes.'],
  ['publications', 'tickets is in no publication, and no subscription writes it.'],
  ['stored-form', 'there are too few tokens to compare with the new ones.'],
  ['statement-logging', 'the server does not log parameters of statements, so it logs no token.'],
  ['replication', 'no standby is connected, and no replication slot retains WAL.'],
  ['long-transactions', 'no transaction is older than 5 min.'],
  ['connections', expect.stringMatching(/^3 connections are needed, and \d+ of \d+ are free\.$/)],
] as const;

describe('the preflight', () => {
  const { database, url } = useTestDatabase();

  it('finds a fresh schema to be in order, and says so check by check', async () => {
    expect(await inspectDatabase(database, TICKETS, SETTINGS)).toEqual(
      CHECKS.map(([check, message]) => ({ check, level: 'ok', message })),
    );
  });

  it('leaves out what makes no sense without a table to look at', async () => {
    const withoutTable = await findingsAfter(database, ['DROP TABLE tickets']);
    expect(withoutTable.map(({ check, level }) => [check, level])).toEqual([
      ['server-version', 'ok'],
      ['writable', 'ok'],
      ['table', 'stop'],
      ['statement-logging', 'ok'],
      ['replication', 'ok'],
      ['long-transactions', 'ok'],
      ['connections', 'ok'],
    ]);
    const withoutCheckpoints = await findingsAfter(database, ['DROP TABLE rotation_checkpoints']);
    expect(withoutCheckpoints.filter(({ level }) => level !== 'ok').map(({ check }) => check)).toEqual(['table']);
    expect(withoutCheckpoints).toHaveLength(CHECKS.length - 1); // no row is read
  });

  it('finds everything that is wrong at once', async () => {
    const findings = await findingsAfter(database, [
      'DROP INDEX tickets_token_key',
      'CREATE RULE frozen AS ON UPDATE TO tickets DO INSTEAD NOTHING',
      'ALTER TABLE tickets ALTER COLUMN token DROP NOT NULL',
    ]);
    expect(findings.filter(({ level }) => level !== 'ok').map(({ check, level }) => [check, level])).toEqual([
      ['token-column', 'warning'],
      ['unique-index', 'warning'],
      ['rules', 'stop'],
    ]);
  });

  it('follows the schema that DATABASE_URL names', async () => {
    await database.$executeRaw`CREATE SCHEMA shop`;
    await database.$executeRaw`CREATE TABLE shop.tickets (id bigint PRIMARY KEY, token text)`;
    for (const table of RECORD_TABLES) {
      await database.$executeRawUnsafe(`CREATE TABLE shop.${table} (LIKE ${table})`);
    }
    const inShop = openTicketDatabase(`${url}?schema=shop`);
    const target = await targetNamed(config, 'ticket', inShop, schemaOf(`${url}?schema=shop`));
    const findings = await inspectDatabase(inShop, target, SETTINGS);
    await inShop.$disconnect();
    await database.$executeRaw`DROP SCHEMA shop CASCADE`;
    expect(findingOf(findings, 'table')).toMatchObject({
      level: 'warning', // since there is one in the search_path, too
      message: expect.stringContaining('This rotation uses the one in schema shop.'),
    });
    expect(findingOf(findings, 'token-column')?.message).toContain('may be null');
  });

  it('gives away no token, and changes nothing', async () => {
    await insertTickets(database, keysUpTo(100));
    const tokens = await tokensByKey(database);
    const findings = JSON.stringify([
      await inspectDatabase(database, TICKETS, SETTINGS),
      await findingsAfter(database, [
        'ALTER TABLE tickets ALTER COLUMN token DROP NOT NULL',
        'CREATE INDEX ON tickets (token) WHERE token IS NOT NULL',
        'CREATE TABLE orders (token uuid REFERENCES tickets (token))',
        'INSERT INTO orders SELECT token FROM tickets',
      ]),
    ]);
    for (const token of tokens.values()) expect(findings).not.toContain(token);
    expect(await tokensByKey(database)).toEqual(tokens);
    expect(await database.rotationCheckpoint.count()).toBe(0);
  });

  it('reads no row, and waits for no lock', async () => {
    const findings = await database.$transaction(async (transaction) => {
      await transaction.$executeRaw`LOCK TABLE tickets, rotation_checkpoints IN ACCESS EXCLUSIVE MODE`;
      return inspectDatabase(database, TICKETS, SETTINGS); // on another connection, which could not even read
    }, PATIENT);
    expect(findings).toHaveLength(CHECKS.length);
  });
});
