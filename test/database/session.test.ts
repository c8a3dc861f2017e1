import { beforeAll, describe, expect, it } from '@jest/globals';
import { openTicketDatabase } from '../../scripts/support/ticket-database.ts';
import { ownSession, setLimits } from '../../src/database/session.ts';
import { runRotation, runScript } from '../support/command.ts';
import { useTestDatabase } from '../support/database.ts';
import { insertTickets, keysUpTo, survivors, tokensByKey } from '../support/tickets.ts';

/** What a role or database may be set to, for an application's sake. */
const SETTINGS = {
  default_transaction_isolation: 'serializable',
  statement_timeout: '400ms',
  lock_timeout: '400ms',
  idle_in_transaction_session_timeout: '1s',
  transaction_timeout: '1s',
  TimeZone: 'Asia/Kolkata',
  DateStyle: 'German',
  IntervalStyle: 'iso_8601',
  bytea_output: 'escape',
  quote_all_identifiers: 'on',
};

describe('a database that is set to something else', () => {
  const { database, url } = useTestDatabase();
  const name = new URL(url).pathname.slice(1);

  beforeAll(async () => {
    for (const [setting, value] of Object.entries(SETTINGS))
      await database.$executeRawUnsafe(`ALTER DATABASE ${name} SET ${setting} = '${value}'`);
    // Longer than the timeouts of the database allow.
    await database.$executeRaw`
      CREATE FUNCTION be_slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.6); RETURN NULL; END $$`;
    for (const [table, event] of Object.entries({ rotations: 'INSERT OR UPDATE', rotation_checkpoints: 'INSERT' }))
      await database.$executeRawUnsafe(
        `CREATE TRIGGER be_slow AFTER ${event} ON ${table} FOR EACH STATEMENT EXECUTE FUNCTION be_slow()`,
      );
  });
  it('is rotated and verified all the same, by several workers and processes', async () => {
    await insertTickets(database, keysUpTo(40_000));
    const leaked = await tokensByKey(database);
    const startedAt = Date.now();
    const ends = await Promise.all(
      [1, 2].map(() => runRotation(['--workers', '4', '--batch-size', '500', '--json'], url)),
    );
    const codes = ends.map(({ exitCode }) => exitCode);
    expect(codes).toContain(0);
    expect([0, 3]).toEqual(expect.arrayContaining(codes)); // one may find that nothing is left for it
    expect(survivors(leaked, await tokensByKey(database))).toBe(0);

    const { stdout } = await runScript('scripts/rotate-tokens.ts', ['status', '--json'], url);
    const { completedAt } = JSON.parse(stdout.trim().split('\n')[0] ?? '');
    expect(Date.parse(completedAt)).toBeGreaterThan(startedAt - 60_000);
    expect(Date.parse(completedAt)).toBeLessThan(Date.now() + 60_000);
  });

  it('has its own settings for nobody but the rotation', async () => {
    const other = openTicketDatabase(url, { connections: 1 });
    const [limits] = await ownSession(other).$queryRaw<object[]>`
      SELECT current_setting('transaction_isolation') AS isolation, current_setting('statement_timeout') AS statement`;
    expect(limits).toEqual({ isolation: 'read committed', statement: '100s' });
    await other.$transaction((transaction) => setLimits(transaction));
    const [after] = await other.$queryRaw<object[]>`
      SELECT current_setting('transaction_isolation') AS isolation, current_setting('statement_timeout') AS statement`;
    expect(after).toEqual({ isolation: 'serializable', statement: '400ms' });
    await other.$disconnect();
  });
});
