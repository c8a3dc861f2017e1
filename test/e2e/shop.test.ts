import { createHash, generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto';
import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { PrismaClient as ShopClient } from '../../examples/shop/generated/prisma/client.ts';
import { deliver } from '../../examples/shop/outbox.ts';
import { openTicketDatabase, type TicketDatabase } from '../../scripts/support/ticket-database.ts';
import { openDatabase, rotationReportSchema } from '../../src/index.ts';
import { asAdmin } from '../support/database.ts';
import { collectPosts } from '../support/posts.ts';
import { installShop, type Shop } from '../support/shop.ts';
import { changesPerRow, recordChanges, untilSomeAreRotated } from '../support/table-changes.ts';
import { withDatabaseName } from '../support/url.ts';

const ROWS = 2_000;

/** What the shop's targets differ in, and how to see that they were rotated. */
const TARGETS = [
  {
    target: 'customer',
    table: 'shop.customers',
    key: 'id',
    token: 'api_key',
    label:
      'shop.customers.api_key by id as tk_live_ + base64url(24) where { createdAt: { lt: 2026-11-01T00:00:00.000Z } }',
    scope: "created_at < '2026-11-01'",
    inScope: 1_500,
    form: "'^tk_live_[A-Za-z0-9_-]{32}$'",
    text: 'api_key',
    besides: 'true',
    told: 0,
  },
  {
    target: 'session',
    table: 'shop.sessions',
    key: 'id',
    token: 'token_hash',
    label: 'shop.sessions.token_hash by id as sha256(base64url(32)) with afterBatch',
    scope: 'true',
    inScope: ROWS,
    form: "'^[0-9a-f]{64}$'",
    text: "encode(token_hash, 'hex')",
    besides: 'true',
    told: ROWS,
  },
  {
    target: 'apiKey',
    table: 'shop.api_keys',
    key: 'id',
    token: 'hashed_key',
    label:
      'shop.api_keys.hashed_key by id as sha256(sk_ + base64url(24), base64url) with set, touch where { user: { orgId: 7 } }',
    scope: 'user_id IN (SELECT id FROM shop.users WHERE org_id = 7)',
    inScope: 500,
    form: "'^[A-Za-z0-9_-]{43}$'",
    text: 'hashed_key',
    besides: "start ~ '^sk_[A-Za-z0-9_-]{4}$' AND updated_at > '2026-02-01' AND rotated_at > '2026-02-01'",
    told: 0,
  },
  {
    target: 'invite',
    table: 'shop."Invite"',
    key: 'number',
    token: 'code',
    label: `shop."Invite".code by number as hex(16) where { tenantId: 7 }`,
    scope: 'tenant_id = 7',
    inScope: 1_000,
    form: "'^[0-9a-f]{32}$'",
    text: 'code',
    besides: 'true',
    told: 0,
  },
];

/** Conditions of scopes, by table. */
const IN_SCOPE: Record<string, string> = Object.fromEntries(TARGETS.map(({ table, scope }) => [table, scope]));

describe('a project that has this package installed', () => {
  const serverUrl = process.env.TEST_SERVER_URL ?? '';
  const name = `shop_${randomBytes(4).toString('hex')}`;
  const url = withDatabaseName(serverUrl, name);
  const keys = generateKeyPairSync('rsa', {
    modulusLength: 3_072,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const ENVIRONMENT = `OUTBOX_PUBLIC_KEY="${keys.publicKey}"\n`;
  let shop: Shop;
  let database: TicketDatabase;

  beforeAll(async () => {
    await asAdmin(serverUrl, `CREATE DATABASE ${name}`);
    shop = await installShop();
    await writeFile(join(shop.folder, '.env'), ENVIRONMENT);
    await shop.migrate(url);
    database = openTicketDatabase(url, { connections: 2 });
  }, 120_000);

  afterEach(() => database.$executeRaw`DROP FUNCTION IF EXISTS record_change CASCADE`);

  afterAll(async () => {
    await shop.remove();
    await database.$disconnect();
    await asAdmin(serverUrl, `DROP DATABASE ${name} WITH (FORCE)`);
  });

  beforeEach(() => seed(database));

  /** Sends what is in the outbox. @returns how many rows, and to how many sessions the token that they now have */
  const deliverOutbox = async () => {
    const sent = new Map<string, string>();
    const client = openDatabase(ShopClient, url, { connections: 1 });
    const rows = await deliver(client, keys.privateKey, async (sessionId, token) => {
      sent.set(sessionId, createHash('sha256').update(token).digest('hex'));
    });
    const sessions = await client.session.findMany();
    await client.$disconnect();
    const reached = sessions.filter(({ id, tokenHash }) => sent.get(id) === Buffer.from(tokenHash).toString('hex'));
    return { rows, sessions: reached.length };
  };

  it.each(TARGETS)(
    'rotates $label, killed and resumed, each row in scope once and no other',
    async ({ target, table, key, token, label, scope, inScope, form, text, besides, told }) => {
      const rotated = { table, key: `target.${key}::text`, token };
      await recordChanges(database, rotated);
      const leaked = await database.$queryRawUnsafe<{ token: string }[]>(
        `SELECT ${text} AS token FROM ${table} WHERE ${scope}`,
      );
      const args = ['--target', target, '--name', target, '--batch-size', '50'];

      const first = shop.rotateTokens([...args, '--max-rows-per-second', '1000'], url);
      await untilSomeAreRotated(database);
      first.process.kill('SIGKILL');
      expect((await first.ended).signal).toBe('SIGKILL');
      const second = await shop.rotateTokens(args, url).ended;
      expect(second).toMatchObject({ exitCode: 0, stderr: '' });
      expect(second.stdout).toContain(`rotating ${label} in `);
      expect(second.stdout).toMatch(/^resuming /m);

      expect(await changesPerRow(database, rotated, scope)).toEqual([{ rows: inScope, changes: 1 }]);
      expect(await changesPerRow(database, rotated, `NOT (${scope})`)).toEqual(
        inScope === ROWS ? [] : [{ rows: ROWS - inScope, changes: 0 }],
      );
      expect(await deliverOutbox()).toEqual({ rows: told, sessions: told });
      const [wrong] = await database.$queryRawUnsafe<{ rows: number }[]>(
        `SELECT count(*)::int AS rows FROM ${table} WHERE ${scope} AND (${text} !~ ${form} OR (${besides}) IS NOT TRUE)`,
      );
      expect(wrong).toEqual({ rows: 0 });

      const verified = await shop.rotateTokens(
        ['verify', '--target', target, '--name', target, '--leaked', '-'],
        url,
        Readable.from(leaked.map(({ token }) => `${token}\n`)),
      ).ended;
      expect(verified).toMatchObject({ exitCode: 0, stderr: '' });
      expect(verified.stdout).toContain(`(${inScope.toLocaleString('en')} tokens looked up)`);
    },
  );

  it('may keep old tokens valid for a while, is told so, and may end that early', async () => {
    const secrets = await database.$queryRaw<{ secret: string }[]>`SELECT secret FROM shop.webhooks`;
    const list = () => Readable.from(secrets.map(({ secret }) => `${secret}\n`));
    const args = ['--target', 'webhook', '--name', 'webhook'];
    const rotated = await shop.rotateTokens(args, url).ended;
    expect(rotated).toMatchObject({ exitCode: 0, stderr: '' });
    expect(rotated.stdout).toMatch(
      /warning +grace-period: 2,000 old tokens in shop\.webhooks\.previous_secret stay valid until /,
    );
    // The new secrets have another form.
    const options = ['--leaked', '-', '--allow-other-form'];
    const verify = () => shop.rotateTokens(['verify', ...args, ...options], url, list()).ended;
    expect(await verify()).toMatchObject({ exitCode: 4 });

    const ended = await shop.rotateTokens(['expire-grace', '--target', 'webhook'], url).ended;
    expect(ended).toMatchObject({ exitCode: 0, stderr: '' });
    expect(ended.stdout).toMatch(/^removed 2,000 old tokens from shop\.webhooks\.previous_secret in .+\n$/);
    expect(await verify()).toMatchObject({ exitCode: 0, stderr: '' });
    expect(await shop.rotateTokens(['expire-grace', '--target', 'invite'], url).ended).toMatchObject({
      exitCode: 2,
      stderr: 'rotate-tokens: the target has no grace period, so there is nothing to end.\n',
    });
  });

  it('has its own code told what happens', async () => {
    const { bodies, url: channel, close } = await collectPosts();
    await writeFile(join(shop.folder, '.env'), `INCIDENT_WEBHOOK_URL="${channel}"\n`);
    const { exitCode, stderr } = await shop.rotateTokens(['--target', 'invite', '--name', 'told'], url).ended;
    close();
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(bodies.sort()).toEqual(['{"text":"rotation told: complete"}', '{"text":"rotation told: started"}']);

    // Now nobody listens there.
    const again = await shop.rotateTokens(['--target', 'invite', '--name', 'untold', '--again'], url).ended;
    await writeFile(join(shop.folder, '.env'), ENVIRONMENT);
    expect(again).toMatchObject({ exitCode: 0, stderr: expect.stringContaining('onEvent failed for an event.') });
    expect(again.stdout).toContain('1,000 tokens replaced');
  });

  it('rotates several targets in one go, killed and resumed, and the others although one fails', async () => {
    const rotated = ['customers', 'sessions'].map((table) => ({
      table: `shop.${table}`,
      key: 'target.id::text',
      token: table === 'customers' ? 'api_key' : 'token_hash',
    }));
    for (const table of rotated) await recordChanges(database, table);
    await database.$executeRaw`CREATE RULE frozen AS ON UPDATE TO shop."Invite" DO INSTEAD NOTHING`;
    const report = join(shop.folder, 'several.json');
    const args = ['--target', 'invite,session,customer', '--name', 'several', '--batch-size', '50', '--report', report];
    const killed = shop.rotateTokens([...args, '--max-rows-per-second', '1000'], url);
    await untilSomeAreRotated(database);
    killed.process.kill('SIGKILL');
    await killed.ended;

    const second = await shop.rotateTokens(args, url).ended;
    expect(second).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('would rewrite the updates: frozen') });
    expect(second.stdout).toMatch(
      /\n2 of 3 rotations are done; not: several:invite \(exit code 2\)\. The same command continues\.\n$/,
    );
    const { missing: before } = rotationReportSchema.parse(JSON.parse(await readFile(report, 'utf8')));
    await database.$executeRaw`DROP RULE frozen ON shop."Invite"`;
    const third = await shop.rotateTokens(args, url).ended;
    expect(third).toMatchObject({ exitCode: 0, stderr: '' });
    expect(third.stdout).toMatch(/\n3 of 3 rotations are done\.\n$/);

    const [customers, sessions] = rotated.map((table) =>
      changesPerRow(database, table, IN_SCOPE[table.table] ?? 'true'),
    );
    expect([await customers, await sessions]).toEqual([[{ rows: 1_500, changes: 1 }], [{ rows: ROWS, changes: 1 }]]);
    const { stdout } = await shop.rotateTokens(['status', '--json'], url).ended;
    const states = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(states.map(({ rotation, state }) => [rotation, state]).sort()).toEqual(
      ['several:customer', 'several:invite', 'several:session'].map((rotation) => [rotation, 'complete']),
    );
    const { rotations, missing } = rotationReportSchema.parse(JSON.parse(await readFile(report, 'utf8')));
    expect(rotations.map(({ rotation, state }) => [rotation, state]).sort()).toEqual([
      ['several:customer', 'complete'],
      ['several:invite', 'complete'],
      ['several:session', 'complete'],
    ]);
    expect([before, missing]).toEqual([[{ rotation: 'several:invite', why: 'not begun' }], []]);
  });

  it('is told by the doctor which of its targets could be rotated now', async () => {
    await database.$executeRaw`CREATE RULE frozen AS ON UPDATE TO shop."Invite" DO INSTEAD NOTHING`;
    const sick = await shop.rotateTokens(['doctor'], url).ended;
    await database.$executeRaw`DROP RULE frozen ON shop."Invite"`;
    expect(sick).toMatchObject({ exitCode: 2, stderr: '' });
    expect(sick.stdout).toMatch(/^ {2}STOP +rules: /m);
    expect(sick.stdout).toMatch(/\n4 of 5 targets could be rotated now; not: invite\. Follow the advice above\.\n$/);

    const well = await shop.rotateTokens(['doctor', '--json'], url).ended;
    expect(well).toMatchObject({ exitCode: 0, stderr: '' });
    const examined = well.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(examined.map(({ target, ready }) => [target, ready])).toEqual(
      ['customer', 'session', 'apiKey', 'webhook', 'invite'].map((target) => [target, true]),
    );
    expect(await database.rotation.count()).toBe(0);
    expect(await shop.rotateTokens(['doctor', '--target', 'customer,invoice'], url).ended).toMatchObject({
      exitCode: 2,
      stderr:
        "rotate-tokens: there is no target 'invoice'. The config has customer, session, apiKey, webhook, invite.\n",
    });
  });

  it('has to say which of its targets is meant', async () => {
    expect(await shop.rotateTokens([], url).ended).toMatchObject({
      exitCode: 2,
      stdout: '',
      stderr: 'rotate-tokens: --target must be given: customer, session, apiKey, webhook, invite.\n',
    });
  });

  it('has its tables where the models say, whatever --schemas says', async () => {
    expect(await shop.rotateTokens(['--target', 'invite', '--schemas', 'public'], url).ended).toMatchObject({
      exitCode: 2,
      stderr:
        'rotate-tokens: model Invite names its schema, shop (@@schema), so --schemas cannot choose another one.\n',
    });
  });

  it('gets a report without charts, and is told how to get them, where their library is not installed', async () => {
    const args = ['--target', 'invite', '--name', 'no-charts', '--report', join(shop.folder, 'report.html')];
    const { exitCode, stderr } = await shop.rotateTokens(args, url).ended;
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: expect.stringContaining('npm install echarts') });
    const page = await readFile(join(shop.folder, 'report.html'), 'utf8');
    expect(page).toContain('the package echarts is not installed');
    expect(page).not.toContain('<svg');
  });

  it('may be one of CommonJS', async () => {
    const path = join(shop.folder, 'package.json');
    const text = await readFile(path, 'utf8');
    await writeFile(path, text.replace('"type": "module",', ''));
    const { exitCode, stdout, stderr } = await shop.rotateTokens(['--target', 'invite', '--name', 'cjs'], url).ended;
    await writeFile(path, text);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(stdout).toContain('1,000 tokens replaced');
  });

  it('may have another copy of the Prisma client than this package', async () => {
    const copy = join(shop.folder, 'node_modules', 'rotate-tokens', 'node_modules');
    for (const path of ['client/package.json', 'client/runtime/client.js', 'client-runtime-utils']) {
      const from = join('node_modules', '@prisma', path);
      await cp(from, join(copy, '@prisma', path), { recursive: true });
    }
    const customer = ['--target', 'customer'];
    for (const command of [
      ['run', ...customer],
      ['verify', ...customer, '--leaked', '-'],
      ['verify', ...customer, '--leaked', '-', '--name', 'other'],
      ['run', ...customer, '--dry-run', '--again', '--name', 'other'],
      ['status'],
    ]) {
      const list = Readable.from([`tk_live_old_${randomUUID()}\n`]);
      const { exitCode, stderr } = await shop.rotateTokens(command, url, list).ended;
      expect({ command, exitCode, stderr }).toEqual({ command, exitCode: 0, stderr: '' });
    }
    await rm(copy, { recursive: true });
  });

  it('has the tables of this package, in its own schema', async () => {
    const [ours, theirs] = await Promise.all(
      ['prisma', 'examples/shop/prisma'].map((folder) => readFile(`${folder}/rotation.prisma`, 'utf8')),
    );
    expect(theirs).toBe(ours?.replaceAll(/^\}$/gm, '  @@schema("public")\n}'));
  });
});

async function seed(database: TicketDatabase): Promise<void> {
  await database.$executeRaw`TRUNCATE shop.customers, shop.sessions, shop.users, shop.webhooks, shop."Invite", shop.outbox, rotations CASCADE`;
  await database.$executeRaw`
    INSERT INTO shop.customers (id, email, api_key, created_at)
    SELECT gen_random_uuid(), i || '@example.com', 'tk_live_old_' || gen_random_uuid(),
      CASE WHEN i % 4 = 0 THEN '2026-11-01'::timestamp ELSE '2026-10-31 23:59:59.999' END
    FROM generate_series(1, ${ROWS}::int) AS i`;
  await database.$executeRaw`
    INSERT INTO shop.sessions (id, token_hash)
    SELECT chr(97 + i % 26) || upper(md5(i::text)) || 'é', sha256(gen_random_uuid()::text::bytea)
    FROM generate_series(1, ${ROWS}::int) AS i`;
  await database.$executeRaw`INSERT INTO shop.users (id, org_id) SELECT i, 7 + i % 4 FROM generate_series(1, 40) AS i`;
  await database.$executeRaw`
    INSERT INTO shop.api_keys (id, hashed_key, start, updated_at, user_id)
    SELECT md5(i::text), rtrim(translate(encode(sha256(gen_random_uuid()::text::bytea), 'base64'), '+/', '-_'), '='),
      'old', '2026-01-01', 1 + i % 40
    FROM generate_series(1, ${ROWS}::int) AS i`;
  await database.$executeRaw`
    INSERT INTO shop.webhooks (id, url, secret)
    SELECT i, 'https://example.com/' || i, 'whsec_old_' || gen_random_uuid() FROM generate_series(1, ${ROWS}::int) AS i`;
  await database.$executeRaw`
    INSERT INTO shop."Invite" (number, tenant_id, code)
    SELECT i * 10, 7 + i % 2, 'OLD-' || gen_random_uuid() FROM generate_series(1, ${ROWS}::int) AS i`;
}
