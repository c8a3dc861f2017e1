import { beforeEach, describe, expect, it } from '@jest/globals';
import { runRotation, startRotation } from '../support/command.ts';
import { useTestDatabase } from '../support/database.ts';
import { changesPerTicket, insertTickets, keysUpTo, recordTokenChanges } from '../support/tickets.ts';
import { until } from '../support/until.ts';

const TICKETS = 60_000; // several partitions

describe('a rotation of several processes', () => {
  const { database, url } = useTestDatabase();
  beforeEach(async () => {
    await insertTickets(database, keysUpTo(TICKETS));
    await recordTokenChanges(database);
  });
  const order = (...args: string[]) => runRotation(args, url);
  const rowsDone = async () => {
    const { _sum } = await database.rotationCheckpoint.aggregate({ _sum: { rowsRotated: true } });
    return Number(_sum.rowsRotated ?? 0n);
  };
  const held = () => database.rotationRun.count({ where: { endedAt: null, heldBackBy: 'pause' } });

  it('is paused, shown, resumed and sped up from elsewhere, and each row is rotated once', async () => {
    const rate = ['--max-rows-per-second', '3000', '--workers', '1'];
    const processes = [1, 2, 3].map(() => startRotation(rate, url));
    await until(
      async () => (await database.rotationRun.count({ where: { workers: 1, rowsRotated: { gt: 0 } } })) === 3,
    );

    const paused = await order('pause', '--for', '10m', '--reason', 'replica rebuild');
    expect(paused).toMatchObject({ exitCode: 0, stderr: '' });
    expect(paused.stdout).toMatch(/^'default' is paused until .* UTC by .+@.+: replica rebuild\. To end it earlier, /);
    await until(async () => (await held()) === 3);
    const done = await rowsDone();
    const { stdout: status } = await order('status');
    expect(status).toMatch(/^rotation 'default' of .*: paused\n/);
    expect(status).toContain('  3 processes:\n');
    expect(
      status.match(/1 worker, [\d,]+ rows\/s, held back for .*: paused until .*: replica rebuild\n/g),
    ).toHaveLength(3);
    expect(await rowsDone()).toBe(done);

    processes[2]?.process.kill('SIGKILL');
    expect((await order('set', '--max-rows-per-second', 'none')).stdout).toContain(
      "'default' was set to --max-rows-per-second none by ",
    );
    expect(await rowsDone()).toBe(done);
    expect(await order('resume')).toMatchObject({ exitCode: 0, stderr: '' });
    const ends = await Promise.all(processes.map(({ ended }) => ended));
    expect(ends.map(({ exitCode, signal }) => exitCode ?? signal)).toEqual([0, 0, 'SIGKILL']);
    expect(ends[0]?.stdout).toMatch(/^'default' is paused until .*replica rebuild/m);
    expect(ends[0]?.stdout).toMatch(/^'default' was resumed by /m);
    expect(await changesPerTicket(database)).toEqual({ 1: TICKETS });
    const { stdout: history } = await order('status');
    expect(history).toMatch(/as postgres: complete, /);
    expect(history).toMatch(/as postgres: ended without a word, /);
  });

  it.each([
    [['pause', '--for', '3 days'], '--for must be seconds, minutes or hours, such as 90s, 30m or 2h, up to 24h'],
    [['pause', '--for', '25h'], '--for must be seconds, minutes or hours, such as 90s, 30m or 2h, up to 24h'],
    [['pause', '--name', 'other'], "no rotation 'other' is recorded. Check --name."],
    [['set'], 'set needs a setting to change, such as --max-rows-per-second 5000. See set --help.'],
    [['set', '--workers', 'none'], '--workers must be a whole number of workers, 1 to 32'],
    [['set', '--name', 'other', '--workers', '2'], "no rotation 'other' is recorded. Check --name."],
    [['resume', '--for', '1m'], 'Unknown argument: for. See --help.'],
  ])('is not steered by %j', async (args, message) => {
    expect(await order(...args)).toMatchObject({ exitCode: 2, stdout: '', stderr: `rotate-tokens: ${message}\n` });
  });

  it('is served as a page until Ctrl-C', async () => {
    await runRotation([], url);
    const running = startRotation(['status', '--serve', '0'], url);
    const printed = await running.untilPrinted('open http');
    const [address = ''] = /http:\/\/127\.0\.0\.1:\d+\//.exec(printed) ?? [];
    expect(await (await fetch(`${address}status.json`)).json()).toMatchObject([
      { state: 'complete', rowsDone: TICKETS },
    ]);
    running.process.kill('SIGINT');
    expect(await running.ended).toMatchObject({ exitCode: 130, stderr: '' });
  });
});
