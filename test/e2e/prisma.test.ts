import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { prisma } from '../support/command.ts';
import { useTestDatabase } from '../support/database.ts';

const PRISMA_FOLDER = join(import.meta.dirname, '..', '..', 'prisma');

async function allMigrations(): Promise<string> {
  const files = await readdir(join(PRISMA_FOLDER, 'migrations'), { recursive: true });
  const scripts = files.filter((file) => file.endsWith('.sql'));
  return (await Promise.all(scripts.map((file) => readFile(join(PRISMA_FOLDER, 'migrations', file), 'utf8')))).join(
    '\n',
  );
}

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
    const { stdout } = await prisma(
      ['migrate', 'diff', '--from-empty', '--to-schema', 'prisma/schema.prisma', '--script'],
      url,
    );
    const statementsOf = (sql: string) => sql.match(/^(CREATE (TABLE|UNIQUE INDEX)|ALTER) [^;]+;/gm)?.sort();
    expect(statementsOf(await allMigrations())).toEqual(statementsOf(stdout));
  });

  it('can leave a tickets table alone that was there before, and add the checkpoints to it', async () => {
    await database.$executeRaw`DROP TABLE rotation_checkpoints, _prisma_migrations`;
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
