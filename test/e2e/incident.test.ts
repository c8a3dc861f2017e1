import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { runRotation } from '../support/command.ts';
import { asAdmin, useTestDatabase } from '../support/database.ts';
import { changesPerTicket, insertTickets, keysUpTo, recordTokenChanges } from '../support/tickets.ts';

const PAGE = join(import.meta.dirname, '..', '..', 'docs', 'incident.md');

describe('the role of docs/incident.md', () => {
  const { database, url } = useTestDatabase();
  const role = `rotator_${randomBytes(4).toString('hex')}`;
  const asRole = Object.assign(new URL(url), { username: role, password: 'change me' }).href;
  let statements: string[];

  beforeAll(async () => {
    const [, sql = ''] = /```sql\n([\s\S]+?)```/.exec(await readFile(PAGE, 'utf8')) ?? [];
    statements = sql
      .replaceAll(/^--.*$/gm, '')
      .replaceAll(/\brotator\b/g, role)
      .split(';')
      .map((statement) => statement.trim())
      .filter((statement) => statement !== '');
    for (const statement of statements) await database.$executeRawUnsafe(statement);
  });
  afterAll(async () => {
    // By now, the database is gone, and with it what the role was granted there.
    await asAdmin(process.env.TEST_SERVER_URL ?? '', `DROP ROLE ${role}`);
  });

  it('has the privileges that a whole rotation needs', async () => {
    await insertTickets(database, keysUpTo(500));
    await recordTokenChanges(database);
    await database.$executeRawUnsafe(`GRANT INSERT ON token_changes TO ${role}`); // its trigger runs as the role
    for (const command of [['doctor'], ['--max-transaction-age-ms', '60000'], ['verify'], ['status']]) {
      const { exitCode, stderr } = await runRotation(command, asRole);
      expect({ command, exitCode, stderr }).toEqual({ command, exitCode: 0, stderr: '' });
    }
    expect(await changesPerTicket(database)).toEqual({ 1: 500 });
  });

  it.each([
    ['SELECT', 'tickets'],
    ['UPDATE', 'tickets'],
    ['INSERT', 'rotation_runs'],
    ['UPDATE', 'rotation_checkpoints'],
    ['DELETE', 'condemned_tokens'],
  ])('needs %s on %s', async (privilege, table) => {
    await insertTickets(database, keysUpTo(10));
    await database.$executeRawUnsafe(`REVOKE ${privilege} ON ${table} FROM ${role}`);
    const { exitCode, stdout } = await runRotation(['doctor'], asRole);
    await database.$executeRawUnsafe(`GRANT ${privilege} ON ${table} TO ${role}`);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: expect.stringMatching(/^ {2}STOP +privileges: /m) });
  });
});
