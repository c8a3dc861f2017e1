import { inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { openTicketDatabase } from '../../scripts/support/ticket-database.ts';
import { meaningOf } from '../../src/errors/fault-table.ts';
import { faultKind } from '../../src/errors/faults.ts';
import {
  ConfigurationError,
  describeError,
  GaveUpError,
  HeldByAnotherProcessError,
  NoAnswerError,
  OvertakenError,
  RowsNotRotatedError,
  TooManyRowsSetAsideError,
} from '../../src/index.ts';
import { useTestDatabase } from '../support/database.ts';
import { insertTickets, tokensByKey } from '../support/tickets.ts';

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
    it.each(['P0001', '23514', '42501', '40001', '40P01', '53100', '55000'])(
      'does not show a token that a trigger puts into its message, raised as %s',
      async (sqlState) => {
        const token = await insertTwoTickets();
        const error = await errorOf(updateRefusedByTrigger(sqlState));
        expect(describeError(error)).toContain(sqlState);
        expectHidden(token, error);
      },
    );

    // Each as PostgreSQL words it; what it names could be a token.
    it.each([
      ['42P01', 'RAISE', 'relation "audit_%s" does not exist'],
      ['42703', 'RAISE', 'column "%s" does not exist'],
      ['42883', 'RAISE', 'function audit_%s() does not exist'],
      ['42704', 'RAISE', 'role "%s" does not exist'],
      ['42501', 'RAISE', 'permission denied for ticket 7, its token %s is immutable'],
      ['P0001', 'RAISE', 'permission denied for ticket 7, its token %s is immutable'],
      ['57014', 'RAISE', 'canceling statement due to %s'],
      ['57P01', 'RAISE', 'terminating connection %s'],
      ['23505', 'RAISE', 'duplicate key value violates unique constraint "%s"'],
      ['23514', 'RAISE', 'new row for relation "%s" violates check constraint "%s"'],
      ['28P01', 'RAISE', 'password authentication failed for user "%s"'],
      ['42P01', 'EXECUTE', 'SELECT FROM "audit_%s"'],
      ['42703', 'EXECUTE', 'SELECT "%s" FROM tickets'],
      ['42883', 'EXECUTE', 'SELECT "%s"()'],
      ['3F000', 'EXECUTE', 'CREATE TABLE "%s".copy ()'],
      ['22023', 'EXECUTE', 'SET ROLE "%s"'],
      ['42601', 'EXECUTE', '"%s"'],
    ])('shows only a sentence of its own about %s, although %s %j has a token in it', async (sqlState, how, text) => {
      const token = await insertTwoTickets();
      const error = await errorOf(updateThatSays(sqlState, how, text));
      expect(describeError(error)).toBe(`the database reported ${sqlState}. ${meaningOf(sqlState)}`);
      expectHidden(token, error);
    });

    it('shows no constraint, table or column that a trigger names in its error', async () => {
      const token = await insertTwoTickets();
      const error = await errorOf(
        updateWith(`RAISE unique_violation USING CONSTRAINT = OLD.token, TABLE = OLD.token, COLUMN = OLD.token`),
      );
      expect(describeError(error)).toContain('23505');
      expectHidden(token, error);
    });

    it.each([
      ['a missing table', 'SELECT FROM nothing', '42P01'],
      ['a missing column', 'SELECT nothing FROM tickets', '42703'],
    ])('says of %s what to run, and what else it could be', async (_, statement, sqlState) => {
      const error = await errorOf(database.$executeRawUnsafe(statement));
      expect(describeError(error)).toMatch(new RegExp(`${sqlState}.* if .*migrate deploy.* otherwise .*trigger`, 'i'));
      expect(faultKind(error)).toBe('misconfigured');
    });

    it('says what to do about a privilege that is missing', async () => {
      const error = await errorOf(
        database.$transaction([
          database.$executeRaw`SET LOCAL ROLE pg_monitor`,
          database.$executeRaw`UPDATE tickets SET subject = ''`,
        ]),
      );
      expect(describeError(error)).toMatch(/42501.*SELECT and UPDATE on the target.*trigger/);
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
        /3D000\. .*Check the database name/,
      ],
      ['a port where nobody listens', { port: '1' }, 'passing', /cannot be reached\. Is PostgreSQL running/],
    ])('says what to do about %s and never shows the password', async (_, change, kind, expected) => {
      const wrong = Object.assign(new URL(url), change);
      const elsewhere = openTicketDatabase(wrong.href);
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

    it('says, when it gave up, what the last fault was, how often it was met, and for how long', () => {
      expect(describeError(new GaveUpError(reported('57P01'), 7, 301_400))).toMatch(
        /57P01.* 7 attempts in 5 min.*--max-retry-time-ms/,
      );
    });

    it.each([
      [1, 'db:5432/shop', 'Tried db:5432/shop (host:port/database) once; this run changed nothing.'],
      [9, undefined, 'Tried 9 times in 15 s; this run changed nothing.'],
    ])('says, when the server has never answered, what was tried (%i attempts of %s)', (attempts, database, tried) => {
      const refused = Object.assign(new Error('x'), { code: 'ECONNREFUSED' });
      expect(describeError(new NoAnswerError(refused, attempts, 15_200, database))).toBe(
        `${describeError(refused)} ${tried}`,
      );
    });

    it('says nothing about giving up when nothing was tried again', () => {
      expect(describeError(new GaveUpError(reported('57P01'), 1, 0))).toBe(describeError(reported('57P01')));
    });

    it('says, when too many rows are in the way, of which partition, and what the last fault was', () => {
      expect(describeError(new TooManyRowsSetAsideError([3, 5], 1_000, reported('23514')))).toMatch(
        /1000 rows of each of the partitions 3, 5 .*23514/,
      );
    });

    it.each([
      ['gave up', (cause: unknown) => new GaveUpError(cause, 7, 301_400)],
      ['too many rows are in the way', (cause: unknown) => new TooManyRowsSetAsideError([3], 1_000, cause)],
    ])('does not show what the server said about a row when %s', (_, wrap) => {
      expectHidden('leaked-text', wrap(reported('P0001')));
    });

    it('names the one row that could not be rotated', () => {
      expect(describeError(new RowsNotRotatedError('march', [{ key: '-7', fault: '55P03' }]))).toBe(
        '1 row could not be rotated, and still has its leaked token. By key: -7 (55P03). ' +
          `55P03: ${meaningOf('55P03')} ` +
          'Everything else is done; the same command tries just these again.',
      );
    });

    it('names several rows that could not be rotated, and says once what each fault means', () => {
      const rows = [
        { key: '7', fault: '55P03' },
        { key: '42', fault: '23514' },
        { key: '250', fault: '55P03' },
      ];
      expect(describeError(new RowsNotRotatedError('march', rows))).toBe(
        '3 rows could not be rotated, and still have their leaked token. By key: 7 (55P03), 42 (23514), 250 (55P03). ' +
          `55P03: ${meaningOf('55P03')} 23514: ${meaningOf('23514')} ` +
          'Everything else is done; the same command tries just these again.',
      );
    });

    it.each([
      [20, 20, /, 20 \(55P03\)\. 55P03/],
      [21, 20, /, 20 \(55P03\) and 1 more\. 55P03/],
      [1_000, 20, /, 20 \(55P03\) and 980 more\. 55P03/],
    ])('of %d rows that could not be rotated names %d, and says how many more there are', (count, named, expected) => {
      const rows = Array.from({ length: count }, (_, index) => ({ key: `${index + 1}`, fault: '55P03' }));
      const description = describeError(new RowsNotRotatedError('march', rows));
      expect(description).toMatch(new RegExp(`^${count.toLocaleString('en')} rows could not be rotated`));
      expect(description).toMatch(expected);
      expect(description.match(/\d+ \(55P03\)/g)).toHaveLength(named);
    });
  });

  describe('that nobody expected', () => {
    it('names the file, and not all of the code, where that was compiled on the way', () => {
      const error = new TypeError('leaked-text is no token');
      const path = encodeURIComponent(`${import.meta.filename}?namespace=1`);
      error.stack = `TypeError\n    at afterBatch (data:text/javascript,(()%3D%3E1)()?filePath=${path}:2:15)`;
      expect(describeError(error)).toBe(`unexpected TypeError at ${import.meta.filename}`);
    });

    it('names its kind and where it happened, but does not show its message', () => {
      const description = describeError(new TypeError('leaked-text is no token'));
      expect(description).toMatch(/^unexpected TypeError at \/.*describe-error\.test\.ts:\d+:\d+$/);
    });

    it('shows a code of the system', () => {
      expect(describeError(Object.assign(new Error('x'), { code: 'ENOENT' }))).toMatch(/^unexpected Error \(ENOENT\)/);
    });

    it.each([
      ['its name', Object.assign(new Error('x'), { name: 'leaked-text' })],
      ['its code', Object.assign(new Error('x'), { code: 'leaked-text' })],
      ['the code of its cause', new Error('x', { cause: { originalCode: 'leaked-text', kind: 'leaked-text' } })],
      ['what looks like its stack', new Error('x\n    at leaked-text (/leaked-text:1:1)')],
      ['the function that failed', errorFrom({ 'leaked-text': () => new Error('x') })],
    ])('does not show a token in %s', (_, error) => {
      expect(inspect(error)).toContain('leaked-text');
      expect(describeError(error)).toMatch(/^unexpected Error( at \/.*)?$/);
      expect(describeError(error)).not.toContain('leaked-text');
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

  function updateRefusedByTrigger(sqlState: string): Promise<unknown> {
    return updateWith(`RAISE EXCEPTION 'token % is frozen', OLD.token USING ERRCODE = '${sqlState}'`);
  }

  /** @param text with `%s` for the token */
  function updateThatSays(sqlState: string, how: string, text: string): Promise<unknown> {
    const filled = `replace('${text}', '%s', OLD.token::text)`;
    return updateWith(how === 'EXECUTE' ? `EXECUTE ${filled}` : `RAISE '%', ${filled} USING ERRCODE = '${sqlState}'`);
  }

  /** The trigger goes with the transaction that its refusal rolls back. */
  function updateWith(statement: string): Promise<unknown> {
    return database.$transaction([
      database.$executeRawUnsafe(
        `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${statement}; RETURN NEW; END $$`,
      ),
      database.$executeRaw`CREATE TRIGGER refuse BEFORE UPDATE ON tickets FOR EACH ROW EXECUTE FUNCTION refuse()`,
      database.$executeRaw`UPDATE tickets SET subject = '' WHERE id = 1`,
    ]);
  }
});

/** Of a function whose name is what could be a token. */
function errorFrom(functions: Record<string, () => Error>): Error {
  const [make] = Object.values(functions);
  return make?.() ?? new Error('there is no function');
}

/** What the server answered, as the driver adapter throws it, with a token where PostgreSQL would put one. */
function reported(originalCode: string): Error {
  return Object.assign(new Error('x'), { cause: { originalCode, originalMessage: 'leaked-text is in the way' } });
}

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
