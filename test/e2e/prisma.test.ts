import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { prisma } from '../support/command.ts';
import { useTestDatabase } from '../support/database.ts';

const PRISMA_FOLDER = join(import.meta.dirname, '..', '..', 'prisma');

describe('npx prisma', () => {
  const { database, url } = useTestDatabase();

  it('finds all migrations applied after migrate deploy', async () => {
    expect((await prisma(['migrate', 'deploy'], url)).stdout).toContain('No pending migrations to apply.');
    const { exitCode, stdout } = await prisma(['migrate', 'status'], url);
    expect({ exitCode, stdout }).toEqual({
      exitCode: 0,
      stdout: expect.stringContaining('Database schema is up to date!'),
    });
  });

  it('finds the migrations to be what the schema says', async () => {
    const diff = ['migrate', 'diff', '--from-empty', '--to-schema', 'prisma', '--script'];
    const { stdout } = await prisma(diff, url);
    await database.$transaction(
      stdout
        .replaceAll('"public".', '')
        .split(/;\n/)
        .filter((statement) => /^\s*(--.*\n)*CREATE (TABLE|UNIQUE|INDEX)/.test(statement))
        .flatMap((statement) => [
          database.$executeRaw`CREATE SCHEMA IF NOT EXISTS expected`,
          database.$executeRaw`SET LOCAL search_path = expected`,
          database.$executeRawUnsafe(statement),
        ]),
    );
    expect(await tablesOf('public')).toEqual(await tablesOf('expected'));
    await database.$executeRaw`DROP SCHEMA expected CASCADE`;
  });

  /** Columns and indexes, in an order of their own. */
  const tablesOf = async (schema: string) => [
    await database.$queryRaw`
      SELECT table_name, column_name, data_type, is_nullable, datetime_precision,
        replace(column_default, ${`${schema}.`}, '') AS initial
      FROM information_schema.columns
      WHERE table_schema = ${schema} AND table_name IN ('tickets', 'rotations', 'rotation_checkpoints', 'condemned_tokens', 'rotation_runs', 'rotation_orders', 'rotation_checks') ORDER BY 1, 2`,
    await database.$queryRaw`
      SELECT replace(indexdef, ${`${schema}.`}, '') AS definition
      FROM pg_indexes WHERE schemaname = ${schema} AND tablename IN ('tickets', 'rotations', 'rotation_checkpoints', 'condemned_tokens', 'rotation_runs', 'rotation_orders', 'rotation_checks') ORDER BY 1`,
  ];

  it('can leave a tickets table alone that was there before, and add the checkpoints to it', async () => {
    await database.$executeRaw`DROP TABLE rotation_checkpoints, condemned_tokens, rotation_runs, rotation_orders, rotation_checks, rotations, _prisma_migrations`;
    expect((await prisma(['migrate', 'deploy'], url)).exitCode).toBe(1); // the schema is not empty
    await prisma(['migrate', 'resolve', '--applied', '20261121000000_create_tickets'], url);
    expect((await prisma(['migrate', 'deploy'], url)).exitCode).toBe(0);
    expect(await database.rotationCheckpoint.count()).toBe(0);
  });

  it('generates the client without a database', async () => {
    expect((await prisma(['generate'])).exitCode).toBe(0);
  });

  it('says what is wrong with bad SQL', async () => {
    const notSql = join(PRISMA_FOLDER, 'migrations', 'migration_lock.toml');
    const { exitCode, stderr } = await prisma(['db', 'execute', '--file', notSql], url);
    expect(exitCode).toBe(1);
    expect(stderr).toContain('syntax error');
  });

  it('names the fault when the server refuses', async () => {
    const withPassword = Object.assign(new URL(url), { password: 'S3cret' }).href;
    const { exitCode, stdout, stderr } = await prisma(['migrate', 'deploy'], withPassword);
    expect(exitCode).toBe(1);
    expect(stderr).toContain('P1000: Authentication failed');
    expect(stdout + stderr).not.toContain('S3cret');
  });

  it('reports a migration that fails, and leaves the tables alone', async () => {
    await database.$executeRaw`DELETE FROM _prisma_migrations`;
    const { exitCode, stderr } = await prisma(['migrate', 'deploy'], url);
    expect(exitCode).toBe(1);
    expect(stderr).toContain('already exists');
    expect(await database.ticket.count()).toBe(0);
  });
});
