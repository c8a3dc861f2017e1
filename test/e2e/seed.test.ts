import { describe, expect, it } from '@jest/globals';
import { prisma, start } from '../support/command.ts';
import { useTestDatabase } from '../support/database.ts';
import { tokensByKey } from '../support/tickets.ts';
import { until } from '../support/until.ts';

describe('npx prisma db seed', () => {
  const { database, url } = useTestDatabase();
  const seed = (args: string[]) => prisma(['db', 'seed', '--', ...args], url);

  it('fills the table with tickets that each have a token of their own', async () => {
    const { exitCode, stdout } = await seed(['--size', '2500', '--batch-size', '1000']);
    expect(exitCode).toBe(0);
    expect(stdout).toContain('inserted 2,500 tickets');
    expect(new Set((await tokensByKey(database)).values()).size).toBe(2_500);
  });

  it('inserts only what is missing', async () => {
    await seed(['--size', '100']);
    const before = await tokensByKey(database);
    expect((await seed(['--size', '150'])).stdout).toContain('inserted 50 tickets');
    expect([...(await tokensByKey(database))].slice(0, 100)).toEqual([...before]);
    expect((await seed(['--size', '150'])).stdout).toContain('tickets has 150 rows already: nothing to insert');
  });

  it('is continued by running it again after it was interrupted', async () => {
    const args = ['--import', 'tsx', 'prisma/seed.ts', '--size', '20000', '--batch-size', '50'];
    const running = start(args, url);
    await until(async () => (await database.ticket.count()) > 0);
    running.process.kill('SIGINT');
    expect((await running.ended).exitCode).toBe(130);
    const present = await database.ticket.count();
    expect(present % 50).toBe(0);
    expect(present).toBeLessThan(20_000);
    expect((await start(args, url).ended).exitCode).toBe(0);
    expect(await database.ticket.count()).toBe(20_000);
  });

  it('ends when the server ends its connection', async () => {
    const running = start(['--import', 'tsx', 'prisma/seed.ts', '--size', '2000000', '--batch-size', '50'], url);
    await until(async () => (await database.ticket.count()) > 0);
    await database.$queryRaw`
      SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE datname = current_database() AND query LIKE '%INSERT INTO tickets%' AND pid <> pg_backend_pid()`;
    const { exitCode, stderr } = await running.ended;
    expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: expect.stringMatching(/^seed: .+\n$/) });
  });

  it('refuses a bad size with one line', async () => {
    const { exitCode, stderr } = await start(['--import', 'tsx', 'prisma/seed.ts', '--size', '-1'], url).ended;
    expect({ exitCode, stderr }).toEqual({ exitCode: 2, stderr: 'seed: --size has to be at least 0\n' });
  });
});
