import { randomBytes } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openTicketDatabase, type TicketDatabase } from '../../scripts/support/ticket-database.ts';
import { asAdmin } from '../support/database.ts';
import { installShop, type Shop } from '../support/shop.ts';
import { withDatabaseName } from '../support/url.ts';

const ROWS = 500;

describe('npx rotate-tokens init', () => {
  const serverUrl = process.env.TEST_SERVER_URL ?? '';
  const name = `init_${randomBytes(4).toString('hex')}`;
  const url = withDatabaseName(serverUrl, name);
  let shop: Shop;
  let database: TicketDatabase;

  /** The shop before anybody thought of a leak: without the models of this package, and without a configuration. */
  beforeAll(async () => {
    await asAdmin(serverUrl, `CREATE DATABASE ${name}`);
    shop = await installShop();
    const path = (...parts: string[]) => join(shop.folder, ...parts);
    await rm(path('rotate-tokens.config.ts'));
    await rm(path('prisma', 'rotation.prisma'));
    await rm(path('prisma', 'migrations', '20261125000000_create_rotations'), { recursive: true });
    await shop.migrate(url);
    database = openTicketDatabase(url, { connections: 1 });
    await database.$executeRaw`
      INSERT INTO shop.webhooks (url, secret)
      SELECT 'https://example.com', translate(encode(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()), 'base64'), '+/=', '-_')
      FROM generate_series(1, ${ROWS})`;
    await database.$executeRaw`ANALYZE`;
  }, 120_000);
  afterAll(async () => {
    await shop.remove();
    await database.$disconnect();
    await asAdmin(serverUrl, `DROP DATABASE ${name} WITH (FORCE)`);
  });
  const run = (...args: string[]) => shop.rotateTokens(args, url).ended;

  it('says what it needs where Prisma has generated no client', async () => {
    const path = join(shop.folder, 'prisma', 'schema.prisma');
    const text = await readFile(path, 'utf8');
    await writeFile(path, text.replace('../generated/prisma', '../generated/other'));
    expect(await run('init')).toMatchObject({
      exitCode: 2,
      stderr: 'rotate-tokens: there is no generated/other/client.ts. Run `npx prisma generate` first.\n',
    });
    await writeFile(path, text);
  });

  it('prepares a project in one command: then a target can be rotated', async () => {
    const first = await run('init');
    expect(first).toMatchObject({ exitCode: 0, stderr: '' });
    expect(first.stdout).toMatch(/^Created the tables of this package in schema rotate_tokens of .+\n/);
    expect(first.stdout).toContain('Proposed 6 targets in rotate-tokens.config.ts: ApiKey.hashedKey, Customer.apiKey,');
    const config = await readFile(join(shop.folder, 'rotate-tokens.config.ts'), 'utf8');
    expect(config).toContain("import { PrismaClient } from './generated/prisma/client.ts';");

    const rotated = await run('--target', 'webhookSecret', '--name', 'leak');
    expect(rotated).toMatchObject({ exitCode: 0, stderr: '' });
    expect(rotated.stdout).toContain(`${ROWS} tokens replaced`);
    const status = await run('status', '--name', 'leak');
    expect(status).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('100 % · 500 of 500') });
    const examined = await run('doctor');
    expect(examined.stdout).toContain('of 6 targets could be rotated now');
  });

  it('leaves alone what is there already', async () => {
    const before = await readFile(join(shop.folder, 'rotate-tokens.config.ts'), 'utf8');
    const again = await run('init');
    expect(again).toMatchObject({ exitCode: 0, stderr: '' });
    expect(again.stdout).toMatch(/^The tables of this package are there, in schema rotate_tokens of .+\n/);
    expect(again.stdout).toContain('rotate-tokens.config.ts is there, and stays as it is.');
    expect(await readFile(join(shop.folder, 'rotate-tokens.config.ts'), 'utf8')).toBe(before);
  });

  it('leaves the migrations of the project as they were', async () => {
    const { exitCode, stdout } = await shop.prisma(['migrate', 'status'], url);
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: expect.stringContaining('up to date') });
    const [found] = await database.$queryRaw<object[]>`
      SELECT count(*)::int AS tables FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
      WHERE relname LIKE 'rotation%' AND relkind = 'r' AND nspname <> 'rotate_tokens'`;
    expect(found).toEqual({ tables: 0 });
  });

  it('prints the same SQL for somebody who may run it, and the preflight says so where the tables are missing', async () => {
    await database.$executeRaw`DROP SCHEMA rotate_tokens CASCADE`;
    const missing = await run('--target', 'webhookSecret', '--name', 'late');
    expect(missing).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('the tables of this package are missing. Run `npx rotate-tokens init` first.'),
    });
    const { exitCode, stdout } = await run('init', '--print');
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(
      /^BEGIN;\n\nCREATE SCHEMA IF NOT EXISTS rotate_tokens;\n\nCREATE TABLE IF NOT EXISTS rotate_tokens\.migrations /,
    );
    for (const statement of stdout.split(/;$/m)) {
      if (statement.trim() !== '') await database.$executeRawUnsafe(statement);
    }
    expect(await run('--target', 'webhookSecret', '--name', 'late')).toMatchObject({ exitCode: 0, stderr: '' });
  });
});
