import { inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import {
  ConfigurationError,
  describeError,
  faultKind,
  HeldByAnotherProcessError,
  OvertakenError,
  openDatabase,
} from '../src/index.ts';
import { useTestDatabase } from './support/database.ts';
import { insertTickets, tokensByKey } from './support/tickets.ts';

describe('the description of an error', () => {
  const { database, url } = useTestDatabase();

  describe('of the database', () => {
    it('does not show the token that is there twice', async () => {
      const token = await insertTwoTickets();
      const error = await errorOf(database.$executeRaw`UPDATE tickets SET token = ${token}::uuid`);
      expect(describeError(error)).toContain('23505');
      expect(describeError(error)).not.toContain(token);
    });

    it('does not show the row that a constraint refuses', async () => {
      const token = await insertTwoTickets();
      const error = await errorOf(
        database.$transaction([
          database.$executeRaw`ALTER TABLE tickets ADD CHECK (subject <> 'refused')`,
          database.$executeRaw`UPDATE tickets SET subject = 'refused' WHERE id = 1`,
        ]),
      );
      expect(describeError(error)).toContain('23514');
      expectHidden(token, error);
    });

    it('does not show a text that is no UUID', async () => {
      const error = await errorOf(database.$queryRaw`SELECT ${'leaked-text'}::uuid`);
      expect(describeError(error)).toContain('22P02');
      expectHidden('leaked-text', error);
    });

    it('does not show what a query of Prisma was called with', async () => {
      const error = await errorOf(
        database.ticket.create({ data: { token: 'leaked-text', subject: '', holderEmail: '' } }),
      );
      expectHidden('leaked-text', error);
    });

    // A trigger may also choose an SQLSTATE that PostgreSQL itself uses for errors without data.
    it.each(['P0001', '23514', '42501', '40001', '55000'])(
      'does not show a token that a trigger puts into its message, raised as %s',
      async (sqlState) => {
        const token = await insertTwoTickets();
        const error = await errorOf(updateRefusedByTrigger(sqlState));
        expect(describeError(error)).toContain(sqlState);
        expectHidden(token, error);
      },
    );

    it('names a syntax error', async () => {
      const error = await errorOf(database.$executeRaw`UPDAT tickets`);
      expect(describeError(error)).toBe('the database reported 42601: syntax error at or near "UPDAT".');
    });

    it.each([
      [
        'a missing table',
        'SELECT FROM nothing',
        '42P01: relation "nothing" does not exist. Run `npx prisma migrate deploy`',
      ],
      [
        'a missing column',
        'SELECT nothing FROM tickets',
        '42703: column "nothing" does not exist. The table is not the one',
      ],
    ])('says what is wrong and what to do about %s', async (_, statement, expected) => {
      const error = await errorOf(database.$executeRawUnsafe(statement));
      expect(describeError(error)).toContain(`the database reported ${expected}`);
      expect(faultKind(error)).toBe('misconfigured');
    });

    it('says what to do about a privilege that is missing', async () => {
      const error = await errorOf(
        database.$transaction([
          database.$executeRaw`SET LOCAL ROLE pg_monitor`,
          database.$executeRaw`UPDATE tickets SET subject = ''`,
        ]),
      );
      expect(describeError(error)).toContain(
        '42501: permission denied for table tickets. The user of DATABASE_URL needs',
      );
      expect(faultKind(error)).toBe('misconfigured');
    });

    it('finds the answer of the server in an error that wraps it', async () => {
      const cause = await errorOf(database.$executeRaw`UPDAT tickets`);
      expect(describeError(new Error('the batch failed', { cause }))).toBe(describeError(cause));
    });
  });

  describe('of a connection', () => {
    it.each([
      [
        'a wrong password',
        { password: 'another-secret' },
        'misconfigured',
        /28P01.*The user name or password in DATABASE_URL is wrong/,
      ],
      [
        'a database that does not exist',
        { pathname: '/nowhere' },
        'misconfigured',
        /3D000: .*"nowhere".*Check the database name/,
      ],
      ['a port where nobody listens', { port: '1' }, 'passing', /cannot be reached\. Is PostgreSQL running/],
    ])('says what to do about %s and never shows the password', async (_, change, kind, expected) => {
      const wrong = Object.assign(new URL(url), change);
      const elsewhere = openDatabase(wrong.href);
      const error = await errorOf(elsewhere.ticket.count());
      await elsewhere.$disconnect();
      expect(describeError(error)).toMatch(expected);
      expect(describeError(error)).not.toContain(wrong.password);
      expect(faultKind(error)).toBe(kind);
    });
  });

  describe('of our own', () => {
    it.each([
      [new ConfigurationError('--name is wrong'), '--name is wrong'],
      [
        new HeldByAnotherProcessError('march', ['web-1:4242:x', 'web-2:1:y']),
        "rotation 'march' is being run by web-1:4242:x, web-2:1:y",
      ],
      [new HeldByAnotherProcessError('march', []), "rotation 'march' is being run by other processes"],
      [new OvertakenError('march', 3), "another process took over partition 3 of rotation 'march'"],
    ])('is its message: %s', (error, expected) => {
      expect(describeError(error)).toBe(error.message);
      expect(error.message).toContain(expected);
    });
  });

  describe('that nobody expected', () => {
    it('names its kind and where it happened, but does not show its message', () => {
      const description = describeError(new TypeError('leaked-text is no token'));
      expect(description).toMatch(/^unexpected TypeError at .*faults\.test\.ts/);
      expect(description).not.toContain('leaked-text');
    });

    it.each([
      ['leaked-text', 'unexpected string'],
      [undefined, 'unexpected undefined'],
      [null, 'unexpected object'],
    ])('names the type of what is no error at all: %p', (thrown, expected) => {
      expect(describeError(thrown)).toBe(expected);
    });

    it('comes to an end where an error is its own cause', () => {
      const error = new Error('leaked-text');
      error.cause = error;
      expect(describeError(error)).toMatch(/^unexpected Error/);
    });
  });

  /** @returns the token of the first */
  async function insertTwoTickets(): Promise<string> {
    await insertTickets(database, [1, 2]);
    const [token] = (await tokensByKey(database)).values();
    if (token === undefined) throw new Error('there are no tickets');
    return token;
  }

  /** The trigger goes with the transaction that its refusal rolls back. */
  function updateRefusedByTrigger(sqlState: string): Promise<unknown> {
    return database.$transaction([
      database.$executeRawUnsafe(`
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'token % is frozen', OLD.token USING ERRCODE = '${sqlState}'; END $$`),
      database.$executeRaw`CREATE TRIGGER refuse BEFORE UPDATE ON tickets FOR EACH ROW EXECUTE FUNCTION refuse()`,
      database.$executeRaw`UPDATE tickets SET subject = '' WHERE id = 1`,
    ]);
  }
});

function errorOf(work: PromiseLike<unknown>): PromiseLike<unknown> {
  return work.then(
    () => {
      throw new Error('it should have failed');
    },
    (error: unknown) => error,
  );
}

/** That the error itself holds the secret shows that there was something to hide. */
function expectHidden(secret: string, error: unknown): void {
  expect(inspect(error, { depth: null })).toContain(secret);
  expect(describeError(error)).not.toContain(secret);
}
