import { join } from 'node:path';
import { Readable } from 'node:stream';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { COMMAND, start } from '../support/command.ts';
import { useTestDatabase } from '../support/database.ts';
import { changesPerRow, recordChanges, untilSomeAreRotated } from '../support/table-changes.ts';

const PROJECT = join(import.meta.dirname, '..', 'support', 'project');
const ROWS = 2_000;

/** Its name is that of the target. */
const TABLES = [
  {
    target: 'member',
    what: 'members of several tenants, in a schema of their own, with tokens of type citext, the scope an enum with other values',
    table: '"shop 1".members',
    key: "target.tenant_id || '/' || target.id",
    token: 'secret',
    scope: "plan = 'pro'",
    inScope: 1_000,
    form: '^[0-9a-f]{48}$',
  },
  {
    target: 'event',
    what: 'events that are partitioned by month',
    table: 'events',
    key: "target.id || '/' || target.created_at",
    token: 'token',
    scope: 'true',
    inScope: ROWS,
    form: '^[A-Za-z0-9_-]{32}$',
  },
  {
    target: 'payment',
    what: 'partitioned payments whose key a sequence alone keeps unique',
    table: 'payments',
    key: 'target.id::text',
    token: 'token',
    scope: 'true',
    inScope: ROWS,
    form: '^[A-Za-z0-9_-]{32}$',
  },
  {
    target: 'session',
    what: 'sessions with keys that do not grow',
    table: 'sessions',
    key: 'target.id',
    token: 'session_token',
    scope: 'true',
    inScope: ROWS,
    form: '^[A-Za-z0-9_-]{43}$',
  },
];

describe('schemas as applications have them', () => {
  const { database, url } = useTestDatabase();
  const run = (args: string[], input?: Readable) => start([COMMAND, ...args], url, {}, input, PROJECT);

  beforeAll(async () => {
    for (const statement of [
      'CREATE SCHEMA "shop 1"',
      "CREATE TYPE plan AS ENUM ('basic plan', 'pro')",
      'CREATE EXTENSION citext',
      `CREATE TABLE "shop 1".members (
         tenant_id int, id text, secret citext NOT NULL UNIQUE, plan plan NOT NULL, PRIMARY KEY (tenant_id, id))`,
      `INSERT INTO "shop 1".members
       SELECT i % 7, 'm' || i, 'Old-' || gen_random_uuid(), (ARRAY['basic plan', 'pro'])[1 + i % 2]::plan
       FROM generate_series(1, ${ROWS}) AS i`,
      `CREATE TABLE events (id bigint, created_at timestamp(6), token text NOT NULL, PRIMARY KEY (id, created_at))
       PARTITION BY RANGE (created_at)`,
      `CREATE TABLE payments (id bigserial, paid_at timestamptz(3), token text NOT NULL, PRIMARY KEY (id, paid_at))
       PARTITION BY RANGE (paid_at)`,
      ...['events', 'payments'].flatMap((table) => [
        `CREATE TABLE ${table}_january PARTITION OF ${table} FOR VALUES FROM ('2026-01-01') TO ('2026-02-01')`,
        `CREATE TABLE ${table}_february PARTITION OF ${table} FOR VALUES FROM ('2026-02-01') TO ('2026-03-01')`,
        `CREATE TABLE ${table}_other PARTITION OF ${table} DEFAULT`,
        `INSERT INTO ${table} SELECT i, timestamp '2026-01-01' + i % 90 * interval '1 day', 'old ' || gen_random_uuid()
         FROM generate_series(1, ${ROWS}) AS i`,
      ]),
      `CREATE TABLE sessions (
         id text PRIMARY KEY, session_token text NOT NULL UNIQUE, user_id text NOT NULL, expires timestamp(3) NOT NULL)`,
      `INSERT INTO sessions SELECT 'c' || substr(md5(i::text), 1, 24), gen_random_uuid(), 'user ' || i % 10, '2027-01-01'
       FROM generate_series(1, ${ROWS}) AS i`,
    ]) {
      await database.$executeRawUnsafe(statement);
    }
  });

  it.each(TABLES)(
    'rotates $what: killed and resumed, each row once',
    async ({ target, scope, inScope, form, ...rotated }) => {
      const { table, token } = rotated;
      await recordChanges(database, rotated);
      const leaked = await database.$queryRawUnsafe<{ token: string }[]>(
        `SELECT ${token}::text AS token FROM ${table} WHERE ${scope}`,
      );
      const args = ['--target', target, '--name', target];

      const first = run([...args, '--batch-size', '50', '--max-rows-per-second', '1000']);
      await untilSomeAreRotated(database);
      first.process.kill('SIGKILL');
      expect((await first.ended).signal).toBe('SIGKILL');
      const second = await run(args).ended;
      expect(second).toMatchObject({ exitCode: 0, stderr: '', stdout: expect.stringMatching(/^resuming /m) });

      expect(await changesPerRow(database, rotated, scope)).toEqual([{ rows: inScope, changes: 1 }]);
      expect(await changesPerRow(database, rotated, `NOT (${scope})`)).toEqual(
        inScope === ROWS ? [] : [{ rows: ROWS - inScope, changes: 0 }],
      );
      const wrong = await database.$queryRawUnsafe(
        `SELECT ${token} FROM ${table} WHERE ${scope} AND ${token}::text !~ '${form}'`,
      );
      expect(wrong).toEqual([]);

      const list = Readable.from(leaked.map((row) => `${row.token}\n`));
      const options = ['--leaked', '-', '--allow-other-form'];
      const verified = await run(['verify', ...args, ...options], list).ended;
      expect(verified).toMatchObject({ exitCode: 0, stderr: '' });
      expect(verified.stdout).toContain(`(${inScope.toLocaleString('en')} tokens looked up)`);
    },
  );

  it('says that a table needs a key without the token in it', async () => {
    const { exitCode, stderr } = await run(['--target', 'verificationToken']).ended;
    expect({ exitCode, stderr }).toEqual({ exitCode: 2, stderr: expect.stringContaining('autoincrement()') });
  });
});
