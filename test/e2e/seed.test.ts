import { describe, expect, it } from '@jest/globals';
import { prisma, start } from '../support/command.ts';
import { useTestDatabase } from '../support/database.ts';
import { PATIENT } from '../support/patient.ts';
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
    const running = await database.$transaction(async (transaction) => {
      await transaction.$executeRaw`LOCK TABLE tickets IN SHARE MODE`; // or the seed may be between two statements
      const seeding = start(['--import', 'tsx', 'prisma/seed.ts', '--size', '100'], url);
      await until(async () => {
        const [waiting] = await transaction.$queryRaw<{ ended: number }[]>`
          SELECT count(pg_terminate_backend(pid))::int AS ended FROM pg_locks
          WHERE database = (SELECT oid FROM pg_database WHERE datname = current_database())
            AND relation = 'tickets'::regclass AND NOT granted`;
        return waiting?.ended === 1;
      });
      return seeding;
    }, PATIENT);
    const { exitCode, stderr } = await running.ended;
    expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: expect.stringMatching(/^seed: .+\n$/) });
  });

  it('refuses a bad size with one line', async () => {
    const { exitCode, stderr } = await start(['--import', 'tsx', 'prisma/seed.ts', '--size', '-1'], url).ended;
    expect({ exitCode, stderr }).toEqual({ exitCode: 2, stderr: 'seed: --size must be at least 0\n' });
  });
});
