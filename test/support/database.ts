import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach } from '@jest/globals';
import { openTicketDatabase, type TicketDatabase } from '../../scripts/support/ticket-database.ts';
import { withDatabaseName } from './url.ts';

/** A database of the test file's own, migrated, and emptied before each test. */
export interface TestDatabase {
  readonly url: string;
  readonly database: TicketDatabase;
}

/**
 * Call it at the top of a test file. What it returns is filled in when the tests run.
 *
 * @param timeZone of its sessions: in any other than UTC, Prisma's driver reads times hours off
 */
export function useTestDatabase(timeZone = 'UTC'): TestDatabase {
  const serverUrl = process.env.TEST_SERVER_URL ?? '';
  const template = process.env.TEST_TEMPLATE ?? '';
  const name = `${template}_${randomBytes(4).toString('hex')}`;
  const url = withDatabaseName(serverUrl, name);
  const database = openTicketDatabase(url, { connections: 10 });
  beforeAll(async () => {
    await asAdmin(serverUrl, `CREATE DATABASE ${name} TEMPLATE ${template}`);
    await asAdmin(serverUrl, `ALTER DATABASE ${name} SET timezone = '${timeZone}'`);
  });
  beforeEach(() => database.$executeRaw`TRUNCATE tickets, rotations RESTART IDENTITY CASCADE`);
  afterAll(async () => {
    await database.$disconnect();
    await asAdmin(serverUrl, `DROP DATABASE ${name} WITH (FORCE)`);
  });
  return { url, database };
}

/** Runs a statement that no database of a test's own is for. */
export async function asAdmin(serverUrl: string, statement: string): Promise<void> {
  const admin = openTicketDatabase(serverUrl, { connections: 1 });
  await admin.$executeRawUnsafe(statement);
  await admin.$disconnect();
}
