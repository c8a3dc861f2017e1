import { describe, expect, it } from '@jest/globals';
import { runRotation, runScript } from '../support/command.ts';
import { useTestDatabase } from '../support/database.ts';
import { insertTickets, keysUpTo } from '../support/tickets.ts';

describe('npx tsx scripts/delete-tickets.ts', () => {
  const { database, url } = useTestDatabase();
  const deleteTickets = (args: string[]) => runScript('scripts/delete-tickets.ts', args, url);

  it('deletes every ticket with --yes, and says how many', async () => {
    await insertTickets(database, keysUpTo(1_234));
    expect(await deleteTickets(['--yes'])).toMatchObject({
      exitCode: 0,
      stdout: 'Deleted 1,234 tickets and 0 rotations.\n',
    });
    expect(await database.ticket.count()).toBe(0);
  });

  it('forgets the rotations too, so that the next tickets are not taken for rotated', async () => {
    await insertTickets(database, keysUpTo(10));
    await runRotation([], url);
    await deleteTickets(['--yes']);
    await insertTickets(database, keysUpTo(10));
    expect((await runRotation([], url)).stdout).toContain('10 tokens replaced');
  });

  it('deletes nothing where it has nobody to ask', async () => {
    await insertTickets(database, keysUpTo(10));
    const { exitCode, stderr } = await deleteTickets([]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('not deleting all 10 tickets in 127.0.0.1');
    expect(stderr).toContain('--yes');
    expect(await database.ticket.count()).toBe(10);
  });
});
