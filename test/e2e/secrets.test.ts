import { describe, expect, it } from '@jest/globals';
import { type Ended, startRotation } from '../support/command.ts';
import { useTestDatabase } from '../support/database.ts';
import { insertTickets, keysUpTo, tokensByKey } from '../support/tickets.ts';

const TICKETS = 100;

/** Anything that looks like a token, with hyphens or without. */
const TOKEN = /[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}/i;

/** Has PostgreSQL say as much as it can about the row. */
const LOUD_TRIGGER = (body: string) => `
  CREATE FUNCTION make_trouble() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${body}; RETURN NEW; END $$;
  CREATE TRIGGER make_trouble BEFORE UPDATE ON tickets FOR EACH ROW EXECUTE FUNCTION make_trouble()`;
const RAISE = (sqlState: string) =>
  LOUD_TRIGGER(`IF NEW.id % 50 = 0 THEN
    RAISE EXCEPTION 'token % becomes %', OLD.token, NEW.token
    USING ERRCODE = '${sqlState}', DETAIL = OLD.token, HINT = NEW.token; END IF`);

/** Where JSON has other fields than text has words: rows set aside, and all of them. */
const isToldDifferently = /P0001|55P03|SELECT token/;

describe('tokens and passwords', () => {
  const { database, url } = useTestDatabase();
  const { password } = new URL(url);

  it.each([
    ['a trigger raises an error with the token in it', RAISE('P0001'), 1],
    ['a trigger raises it as a lock timeout', RAISE('55P03'), 1],
    ['a trigger raises it as a deadlock', RAISE('40P01'), 1],
    ['a trigger raises it as a missing privilege', RAISE('42501'), 2],
    ['a trigger raises it as a server that is going down', RAISE('57P01'), 1],
    ['a trigger raises it as a full disk', RAISE('53100'), 1],
    ['a trigger raises it as something unheard of', RAISE('ZZ999'), 1],
    ['a trigger warns of it', LOUD_TRIGGER(`RAISE WARNING 'token % becomes %', OLD.token, NEW.token`), 0],
    [
      'a token is there already',
      LOUD_TRIGGER('IF NEW.id % 50 = 0 THEN SELECT token INTO NEW.token FROM tickets WHERE id = 1; END IF'),
      1,
    ],
    [
      'a check refuses the row',
      `ALTER TABLE tickets ADD CHECK (subject NOT LIKE '%50%' OR token IS NULL) NOT VALID`,
      1,
    ],
    ['a cast fails', LOUD_TRIGGER('PERFORM (OLD.token::text)::int'), 1],
    ['a statement is ended', LOUD_TRIGGER('IF NEW.id % 50 = 0 THEN PERFORM pg_sleep(0.3); END IF'), 1],
    ['the connection is ended', LOUD_TRIGGER('PERFORM pg_terminate_backend(pg_backend_pid())'), 1],
  ])('are never shown nor stored when %s', async (_, trouble, exitCode) => {
    await insertTickets(database, keysUpTo(TICKETS));
    const leaked = [...(await tokensByKey(database)).values()];
    for (const statement of trouble.split(';\n')) await database.$executeRawUnsafe(statement);
    for (const form of isToldDifferently.test(trouble) ? [[], ['--json']] : [[]]) {
      const ended = await startRotation(
        ['--batch-size', '50', '--statement-timeout-ms', '100', '--max-retry-time-ms', '300', ...form],
        url,
      ).ended;
      expect(ended.exitCode).toBe(exitCode);
      expectNoSecret(ended, leaked);
    }
    const checkpoints = await database.$queryRaw<object[]>`
      SELECT c::text AS row FROM rotation_checkpoints c UNION ALL SELECT r::text FROM rotations r`;
    expect(checkpoints).not.toEqual([]);
    expect(JSON.stringify(checkpoints)).not.toMatch(TOKEN);
    expect(JSON.stringify(checkpoints)).not.toContain(password);
    await database.$executeRaw`DROP FUNCTION IF EXISTS make_trouble CASCADE`;
    await database.$executeRaw`ALTER TABLE tickets DROP CONSTRAINT IF EXISTS tickets_check`;
  });

  function expectNoSecret({ stdout, stderr }: Ended, leaked: string[]): void {
    const output = stdout + stderr;
    expect(output).not.toMatch(TOKEN);
    expect(leaked.filter((token) => output.includes(token) || output.includes(token.slice(0, 13)))).toEqual([]);
    expect(output).not.toContain(password);
    expect(output).not.toMatch(/^\s+at .*:\d+:\d+/m); // a stack trace
  }
});
