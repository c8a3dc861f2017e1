import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type EmbeddedServer, startEmbeddedServer } from '../../scripts/support/embedded-server.ts';
import { openTicketDatabase, type TicketDatabase } from '../../scripts/support/ticket-database.ts';
import { COMMAND, type Ended, prisma, start, startRotation } from '../support/command.ts';
import { insertTickets, keysUpTo, tokensByKey } from '../support/tickets.ts';
import { until } from '../support/until.ts';

const TICKETS = 100;

/** Anything that looks like a token, with hyphens or without; the server's password looks like one, too. */
const TOKEN = /[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}/i;

/** That of a whole list is no secret, but looks like a token, too. */
const SHA256 = /\b[0-9a-f]{64}\b/g;

/** Has the server log every statement, as `pg_stat_activity` shows it, that is without its parameters. */
const LOG_STATEMENTS = { log_statement: 'all', log_parameter_max_length: '0' };

/** Of a server's log: what a client sent. All else is what the server itself has to say of it. */
const SENT = /^.*? (LOG|STATEMENT): .*$/gm;

const trigger = (body: string) => `
  CREATE FUNCTION make_trouble() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${body}; RETURN NEW; END $$;
  CREATE TRIGGER make_trouble BEFORE UPDATE ON tickets FOR EACH ROW EXECUTE FUNCTION make_trouble()`;

/** Has PostgreSQL say as much as it can about the row. */
const raise = (sqlState: string, text = 'token % becomes %') =>
  trigger(`IF NEW.id % 50 = 0 THEN
    RAISE EXCEPTION '${text}', OLD.token, NEW.token
    USING ERRCODE = '${sqlState}', DETAIL = OLD.token, HINT = NEW.token, TABLE = OLD.token, CONSTRAINT = NEW.token; END IF`);

const execute = (statement: string) =>
  trigger(`IF NEW.id % 50 = 0 THEN EXECUTE format('${statement}', OLD.token, NEW.token); END IF`);

/** Fails whenever a row of the rotation's own tables is read, with a token in its message. */
const SHOUTING_POLICIES = `
  CREATE FUNCTION shout() RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
    RAISE 'permission denied for %', (SELECT token FROM tickets LIMIT 1) USING ERRCODE = '42501'; END $$;
  ALTER TABLE rotations ENABLE ROW LEVEL SECURITY;
  CREATE POLICY shout ON rotations USING (shout());
  GRANT ALL ON ALL TABLES IN SCHEMA public TO app`;

describe('tokens and passwords', () => {
  let server: EmbeddedServer;
  let database: TicketDatabase;
  let folder: string;
  let url: string;
  let log = '';

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'secrets-'));
    server = await startEmbeddedServer({ fsync: 'off', ...LOG_STATEMENTS }, (text) => {
      log += text;
    });
    url = server.url('postgres');
    database = openTicketDatabase(url);
    await prisma(['migrate', 'deploy'], url);
  });
  beforeEach(() => database.$executeRaw`TRUNCATE tickets, rotations RESTART IDENTITY CASCADE`);
  afterAll(async () => {
    await database.$disconnect();
    await server.stop();
    await rm(folder, { recursive: true });
  });

  it.each([
    ['a trigger raises an error with the token in it', raise('P0001'), 1],
    ['a trigger raises it as a lock timeout', raise('55P03'), 1],
    ['a trigger raises it as a server that is going down', raise('57P01'), 1],
    ['a trigger raises it as a connection pooler', raise('08P01', 'query_wait_timeout % %'), 1],
    ['a trigger raises it as something unheard of', raise('ZZ999'), 1],
    ['a trigger words it as PostgreSQL would', raise('42501', 'permission denied for ticket 7, token % to be %'), 2],
    [
      'a trigger words it as a duplicate',
      raise('23505', 'duplicate key value violates unique constraint "%" or "%"'),
      1,
    ],
    ['a trigger names a missing table by it', execute('SELECT FROM "audit_%s_%s"'), 2],
    ['a trigger names a missing function by it', execute('SELECT "%s_%s"()'), 1],
    ['a trigger warns of it', trigger(`RAISE WARNING 'token % becomes %', OLD.token, NEW.token`), 0],
    [
      'a check refuses the row',
      `ALTER TABLE tickets ADD CHECK (subject NOT LIKE '%50%' OR token IS NULL) NOT VALID`,
      1,
    ],
    ['a cast fails', trigger('PERFORM (OLD.token::text)::int'), 1],
    ['a statement is ended', trigger('IF NEW.id % 50 = 0 THEN PERFORM pg_sleep(0.3); END IF'), 1],
    ['the connection is ended', trigger('PERFORM pg_terminate_backend(pg_backend_pid())'), 1],
  ])('are never shown nor stored by a rotation when %s', async (_, trouble, exitCode) => {
    const secrets = await insertLeaked();
    await apply(trouble);
    const ended = await run(['--report', join(folder, 'report.json')]);
    expect(ended.exitCode).toBe(exitCode);
    await expectNoSecret([ended], [...secrets, ...(await tokensNow())]);
    await database.$executeRaw`DROP FUNCTION IF EXISTS make_trouble CASCADE`;
    await database.$executeRaw`ALTER TABLE tickets DROP CONSTRAINT IF EXISTS tickets_check`;
  });

  it('are never shown nor stored by any command when a trigger words an error as PostgreSQL would', async () => {
    const secrets = await insertLeaked();
    await apply(raise('42501', 'permission denied for ticket 7, token % to be %'));
    const ended = [...(await runAll(secrets)), ...(await runAll(secrets, { options: ['--json'] }))];
    await expectNoSecret(ended, [...secrets, ...(await tokensNow())]);
    await database.$executeRaw`DROP FUNCTION make_trouble CASCADE`;
  });

  it("are never shown by any command when reading the rotation's own tables fails", async () => {
    const password = 'a-password-of-the-application';
    const secrets = await insertLeaked();
    expect((await run([])).exitCode).toBe(0);
    await database.$transaction([
      database.$executeRaw`SET LOCAL log_statement = 'none'`,
      database.$executeRawUnsafe(`CREATE ROLE app LOGIN PASSWORD '${password}'`),
    ]);
    await apply(SHOUTING_POLICIES);
    const asApp = Object.assign(new URL(url), { username: 'app', password }).href;
    const ended = await runAll(secrets, { databaseUrl: asApp });
    expect(ended.filter(({ exitCode }) => exitCode === 0)).toEqual([]);
    expect(ended.map(({ stderr }) => stderr).join('')).toContain('42501');
    await expectNoSecret(ended, [password, ...secrets, ...(await tokensNow())]);
    await apply(
      'ALTER TABLE rotations DISABLE ROW LEVEL SECURITY; DROP FUNCTION shout CASCADE; DROP OWNED BY app; DROP ROLE app',
    );
  });

  it('are not shown by any command started with DEBUG=*, which is turned off', async () => {
    const secrets = await insertLeaked();
    const ended = await runAll(secrets, { environment: { DEBUG: '*' } });
    expect(ended.map(({ stderr }) => /^rotate-tokens: DEBUG is ignored/.test(stderr))).not.toContain(false);
    await expectNoSecret(ended, [...secrets, ...(await tokensNow())]);
  });

  it.each([
    ['throws an error with tokens in its message', 'throw failure;'],
    ['rejects a promise that it does not await', 'Promise.reject(failure); await new Promise(setImmediate);'],
    ['throws an error out of a callback', 'setImmediate(() => { throw failure; }); await new Promise(setImmediate);'],
  ])('are not shown when an afterBatch %s', async (_, body) => {
    const secrets = await insertLeaked();
    const client = import.meta.resolve('../../src/generated/prisma/client.ts');
    const text = `
      import { PrismaClient } from '${client}';
      import { defineTargets, uuid } from '${import.meta.resolve('../../src/index.ts')}';
      const afterBatch = async (transaction, rows) => {
        const tokens = rows.map(({ token }) => token).join();
        const failure = Object.assign(new Error(tokens), { name: tokens, code: tokens, meta: rows, cause: rows });
        ${body}
      };
      export default defineTargets(PrismaClient, {
        ticket: { model: 'Ticket', key: 'id', token: 'token', kind: uuid(), afterBatch },
      });`;
    await writeFile(join(folder, 'rotate-tokens.config.ts'), text);
    const ended = await start([COMMAND], url, {}, Readable.from([]), folder).ended;
    expect(ended).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('rotate-tokens.config.ts') });
    await expectNoSecret([ended], [...secrets, ...(await tokensNow())]);
  });

  it('are not in what pg_stat_activity shows while a rotation runs', async () => {
    const secrets = await insertLeaked();
    const running = startRotation(['--batch-size', '20', '--max-rows-per-second', '20'], url);
    await running.untilPrinted("rotation 'default': replacing");
    const seen = await database.$queryRaw<{ row: string }[]>`
      SELECT activity::text AS row FROM pg_stat_activity AS activity WHERE query LIKE '%rotation%default%'`;
    running.process.kill('SIGTERM');
    expect(seen.length).toBeGreaterThan(0);
    await expectNoSecret([await running.ended], [...secrets, ...(await tokensNow())]);
    expect(JSON.stringify(seen)).not.toMatch(TOKEN);
  });

  async function insertLeaked(): Promise<string[]> {
    await insertTickets(database, keysUpTo(TICKETS));
    return tokensNow();
  }

  async function tokensNow(): Promise<string[]> {
    return [...(await tokensByKey(database)).values()];
  }

  async function apply(statements: string): Promise<void> {
    for (const statement of statements.split(/;(?=\n|\s[A-Z]+ (?:FUNCTION|OWNED|ROLE))/)) {
      await database.$executeRawUnsafe(statement);
    }
  }

  function run(args: string[], environment: Record<string, string> = {}, databaseUrl = url): Promise<Ended> {
    const limits = /^(status|verify)$/.test(args[0] ?? '')
      ? []
      : ['--batch-size', '50', '--statement-timeout-ms', '100', '--max-retry-time-ms', '300'];
    return start([COMMAND, ...args, ...limits], databaseUrl, environment, Readable.from([])).ended;
  }

  /** Runs each command. Rotations come first, so that the others find something. */
  async function runAll(
    leaked: string[],
    {
      options = [],
      environment = {},
      databaseUrl = url,
    }: { options?: string[]; environment?: Record<string, string>; databaseUrl?: string } = {},
  ): Promise<Ended[]> {
    const list = join(folder, 'leaked.txt');
    await writeFile(list, leaked.join('\n'));
    const commands = [
      ['--dry-run'],
      ['--report', join(folder, 'report.html')],
      ['status'],
      ['report'],
      ['verify', '--leaked', list],
    ];
    const ended: Ended[] = [];
    for (const args of commands) {
      ended.push(await run([...args, ...options], environment, databaseUrl));
    }
    return ended;
  }

  /** Looks for secrets in the output, the reports, the rotation's own tables and what the server was sent. */
  async function expectNoSecret(ended: Ended[], secrets: string[]): Promise<void> {
    const records = await database.$queryRaw<{ row: string }[]>`
      SELECT c::text AS row FROM rotation_checkpoints AS c UNION ALL SELECT r::text FROM rotations AS r`;
    const reports = await Promise.all(
      ['report.html', 'report.json'].map((name) => readFile(join(folder, name), 'utf8').catch(() => '')),
    );
    const output = ended.map(({ stdout, stderr }) => stdout + stderr).join('');
    expect(output).not.toMatch(/^\s+at .*:\d+:\d+/m); // a stack trace
    const sent = await sentToServer();
    expect(sent).toContain('rotation_checkpoints');
    expect(log).not.toContain(new URL(url).password);
    for (const text of [output, ...reports, ...records.map(({ row }) => row), sent]) {
      expect(TOKEN.exec(text.replaceAll(SHA256, ''))?.input.slice(0, 300)).toBeUndefined();
      expect(secrets.filter((secret) => text.includes(secret) || text.includes(secret.slice(0, 13)))).toEqual([]);
    }
  }

  /** Waits for the server to have logged everything so far. */
  async function sentToServer(): Promise<string> {
    const mark = `until here ${log.length}`;
    await database.$executeRawUnsafe(`SELECT '${mark}'`);
    await until(() => log.includes(mark));
    return log.replaceAll('\n\t', ' ').match(SENT)?.join('\n') ?? '';
  }
});
