import { describe, expect, it } from '@jest/globals';
import { runRotation, startRotation } from '../support/command.ts';
import { useTestDatabase } from '../support/database.ts';
import { insertTickets, keysUpTo } from '../support/tickets.ts';

describe('npx tsx scripts/rotate-tokens.ts status', () => {
  const { database, url } = useTestDatabase();

  it('says that nothing was ever rotated', async () => {
    const { exitCode, stdout } = await runRotation(['status'], url);
    expect({ exitCode, stdout }).toEqual({
      exitCode: 0,
      stdout: expect.stringContaining('no rotation is recorded in'),
    });
  });

  it('shows a rotation that runs elsewhere: how far, how fast, and who', async () => {
    await insertTickets(database, keysUpTo(30_000));
    const running = startRotation(['--name', 'march', '--max-rows-per-second', '1000'], url);
    await running.untilPrinted("rotation 'march': replacing");
    const { exitCode, stdout } = await runRotation(['status', '--name', 'march'], url);
    running.process.kill('SIGTERM');
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(
      /^rotation 'march' of tickets\.token by id: running\n {2}\d+ % · [\d,]+ of 30,000 · ETA \d+:\d\d · /,
    );
    expect(stdout).toMatch(/ partition \d: \d+ %, [\d,]+ of about 15,000, held by \S+:\d+:\w+ since \d{4}-\d\d-\d\d /);
    await running.ended;
  });

  it('is one JSON object a line for each rotation with --json', async () => {
    await insertTickets(database, keysUpTo(100));
    await runRotation(['--name', 'march'], url);
    await runRotation(['--name', 'april', '--again'], url);
    const { stdout } = await runRotation(['status', '--json'], url);
    const statuses = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(statuses).toMatchObject([
      { rotation: 'april', state: 'complete', rowsDone: 100 },
      { rotation: 'march', state: 'complete', rowsDone: 100 },
    ]);
  });

  it.each([[], ['--json']])('ends with exit code 2 where no rotation of that name is recorded %j', async (...json) => {
    const { exitCode, stdout, stderr } = await runRotation(['status', '--name', 'nope', ...json], url);
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr).toContain("no rotation 'nope' is recorded in 127.0.0.1:");
  });

  it('says what it has tried when the server does not answer', async () => {
    const nowhere = Object.assign(new URL(url), { port: '1' }).href;
    const { exitCode, stderr } = await runRotation(['status'], nowhere);
    expect(exitCode).toBe(1);
    expect(stderr).toContain('Tried 127.0.0.1:1/');
  });

  it('shows nothing unprintable that is in the checkpoints, and neither do the other commands', async () => {
    const hostile = '\x1b]0;owned\x07\x1b[2J\x9b2J\u202e\u2066\u200b\r\nrotation complete';
    await insertTickets(database, keysUpTo(100));
    await runRotation([], url);
    await database.$executeRaw`
      UPDATE rotation_checkpoints SET last_fault = ${hostile}, last_fault_at = now(), completed_at = NULL,
        claimed_by = ${hostile}, claimed_since = now(), claimed_until = now() + interval '1 hour'`;
    for (const args of [['status'], ['status', '--json'], ['verify'], ['verify', '--json']]) {
      const { stdout, stderr } = await runRotation(args, url);
      expect(stdout + stderr).not.toMatch(/[^\P{C}\n]|^rotation complete/mu);
    }
    const { stdout } = await runRotation(['status', '--json'], url);
    expect(JSON.parse(stdout).partitions[0].lastFault.fault).toBe(hostile);
  });

  it('refuses a bad option with exit code 2 and one line', async () => {
    const { exitCode, stderr } = await runRotation(['status', '--nmae', 'march'], url);
    expect({ exitCode, stderr }).toEqual({
      exitCode: 2,
      stderr: 'rotate-tokens: Unknown argument: nmae. See --help.\n',
    });
  });
});
