import { describe, expect, it } from '@jest/globals';
import { runRotation, start, startRotation } from '../support/command.ts';
import { useTestDatabase } from '../support/database.ts';
import { waitingForLocks } from '../support/lock-waits.ts';
import { PATIENT } from '../support/patient.ts';
import {
  changesPerTicket,
  everythingButTokens,
  insertTickets,
  keysUpTo,
  recordTokenChanges,
  survivors,
  tokensByKey,
} from '../support/tickets.ts';
import { until } from '../support/until.ts';

const TICKETS = 10_000;
/** Small enough that a run takes a second or two, and a signal finds it in the middle. */
const SMALL_BATCHES = ['--batch-size', '20'];

describe('npx tsx scripts/rotate-tokens.ts', () => {
  const { database, url } = useTestDatabase();
  const prepare = async () => {
    await insertTickets(database, keysUpTo(TICKETS));
    await recordTokenChanges(database);
  };
  const rowsDone = async () => Number((await database.rotationCheckpoint.findFirst())?.rowsRotated ?? 0);

  it('replaces every token, leaves everything else as it was, and says so', async () => {
    await prepare();
    const [leaked, others] = [await tokensByKey(database), await everythingButTokens(database)];
    const { exitCode, stdout, stderr } = await runRotation([], url);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(stdout).toContain("rotation 'default': replacing 10,000 tokens");
    expect(stdout).toContain("'default' is complete: 10,000 tokens replaced, every row up to key 10000.");
    expect(survivors(leaked, await tokensByKey(database))).toBe(0);
    expect(await everythingButTokens(database)).toEqual(others);
    expect(await changesPerTicket(database)).toEqual({ 1: TICKETS });
  });

  it('changes nothing when it is run again, as a migration would not', async () => {
    await prepare();
    await runRotation([], url);
    const tokens = await tokensByKey(database);
    const { exitCode, stdout } = await runRotation([], url);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/'default' was completed at \d{4}-\d\d-\d\d .* UTC \(10,000 tokens replaced/);
    expect(await tokensByKey(database)).toEqual(tokens);
  });

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)(
    'stops on %s after the batch in flight with exit code %i, and continues from there',
    async (signal, code) => {
      await prepare();
      const running = startRotation(SMALL_BATCHES, url);
      await running.untilPrinted('replacing');
      running.process.kill(signal);
      const { exitCode, stdout, stderr } = await running.ended;
      expect({ exitCode, stderr }).toEqual({ exitCode: code, stderr: '' });
      const done = await rowsDone();
      expect(done).toBeLessThan(TICKETS);
      expect(stdout).toContain(`stopped at ${done.toLocaleString('en')} of 10,000; everything committed is saved.`);

      const resumed = await runRotation([], url);
      expect(resumed.exitCode).toBe(0);
      const began =
        done > 0 ? `resuming 'default' at ${done.toLocaleString('en')} of 10,000` : "rotation 'default': replacing";
      expect(resumed.stdout).toContain(began);
      expect(await changesPerTicket(database)).toEqual({ 1: TICKETS });
    },
  );

  it('survives a second signal, which ends it at once', async () => {
    await prepare();
    const running = startRotation(SMALL_BATCHES, url);
    await running.untilPrinted('replacing');
    const locked = database.$transaction(async (transaction) => {
      await transaction.$executeRaw`LOCK TABLE tickets IN SHARE MODE`; // the batch in flight cannot finish
      await until(async () => (await waitingForLocks(database)) > 0);
      running.process.kill('SIGINT');
      await running.untilPrinted('SIGINT: finishing the batches in flight');
      await new Promise((resolve) => setTimeout(resolve, 400)); // within 300 ms it would count as the same Ctrl-C
      running.process.kill('SIGINT');
      return running.ended;
    }, PATIENT);
    expect(await locked).toMatchObject({ exitCode: 130, stdout: expect.stringContaining('stopped at once') });
    expect((await runRotation([], url)).exitCode).toBe(0);
    expect(await changesPerTicket(database)).toEqual({ 1: TICKETS });
  });

  it('rotates each row exactly once although it is killed over and over', async () => {
    await prepare();
    for (const kills of [1, 2, 3]) {
      const running = startRotation(SMALL_BATCHES, url);
      await running.untilPrinted(kills === 1 ? 'replacing' : 'resuming');
      await until(async () => (await rowsDone()) > 0);
      await new Promise((resolve) => setTimeout(resolve, 200 * Math.random()));
      running.process.kill('SIGKILL');
      expect((await running.ended).signal).toBe('SIGKILL');
    }
    expect(await rowsDone()).toBeLessThan(TICKETS);
    expect((await runRotation([], url)).exitCode).toBe(0);
    expect(await changesPerTicket(database)).toEqual({ 1: TICKETS });
  });

  it('changes nothing twice after it was stopped for so long that another process took over', async () => {
    await prepare();
    const stopped = startRotation([...SMALL_BATCHES, '--workers', '1'], url);
    await until(async () => (await rowsDone()) > 0);
    stopped.process.kill('SIGSTOP');
    expect((await runRotation([], url)).exitCode).toBe(0);
    stopped.process.kill('SIGCONT');
    const { exitCode, stdout } = await stopped.ended;
    expect(exitCode).toBe(0);
    // Between two batches it finds the fence closed; in the middle of one, the server has ended its transaction.
    expect(stdout).toMatch(/was taken over by another process while this one did not respond|Retrying in/);
    expect(await changesPerTicket(database)).toEqual({ 1: TICKETS });
  });

  it('ends with exit code 3 when another process is running the rotation', async () => {
    await prepare();
    const first = startRotation(SMALL_BATCHES, url);
    await first.untilPrinted('replacing');
    const second = await runRotation(SMALL_BATCHES, url);
    expect(second.exitCode).toBe(3);
    expect(second.stderr).toContain("rotation 'default' is being run by");
    expect((await first.ended).exitCode).toBe(0);
    expect(await changesPerTicket(database)).toEqual({ 1: TICKETS });
  });

  it('prints nothing but one JSON object a line with --json', async () => {
    await prepare();
    const { exitCode, stdout, stderr } = await runRotation(['--json', '--name', 'leak-2026'], url);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    const events = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(
      events.map(({ event }) => event).filter((event) => !['progress', 'condemning', 'checking'].includes(event)),
    ).toEqual(['begin', 'preflight', 'condemned', 'started', 'verifying', 'verified', 'complete']);
    expect(events).toContainEqual(expect.objectContaining({ event: 'progress', rowsDone: TICKETS, fraction: 1 }));
    expect(events.at(-1)).toMatchObject({ rotation: 'leak-2026', rowsDone: TICKETS, watermark: '10000' });
  });

  it('goes on when whoever reads its output goes away', async () => {
    await prepare();
    const running = startRotation([...SMALL_BATCHES, '--json'], url);
    await running.untilPrinted('started');
    running.process.stdout.destroy();
    expect(await running.ended).toMatchObject({ exitCode: 0, stderr: '' });
    expect(await changesPerTicket(database)).toEqual({ 1: TICKETS });
  });

  it('gives up long before --max-retry-time-ms when the server never answers, and says once what was tried', async () => {
    const { exitCode, stdout, stderr } = await runRotation([], changed(url, { port: '1' }));
    expect(exitCode).toBe(1);
    expect(stdout.match(/Retrying in/g)).toHaveLength(1);
    expect(stderr).toMatch(
      /^rotate-tokens: [^\n]+ Tried 127\.0\.0\.1:1\/\w+ \(host:port\/database\) \d+ times in \d+ s; /,
    );
    expect(stderr).not.toContain('saved');
  });

  it('says that an empty table has nothing to rotate', async () => {
    const { exitCode, stdout } = await runRotation([], url);
    expect(exitCode).toBe(0);
    expect(stdout).toContain('there is nothing to rotate');
  });

  it('runs through npx tsx, as README says', async () => {
    await insertTickets(database, keysUpTo(10));
    const { exitCode, stdout } = await start(['node_modules/tsx/dist/cli.mjs', 'scripts/rotate-tokens.ts'], url).ended;
    expect(exitCode).toBe(0);
    expect(stdout).toContain('10 tokens replaced');
  });

  it.each([
    [['--batch-size', '0'], '--batch-size must be "auto" or a whole number of rows'],
    [['--target', 'invoice'], "there is no target 'invoice'. The config has ticket."],
  ])('refuses %j with exit code 2 and one line', async (args, message) => {
    const { exitCode, stdout, stderr } = await runRotation(args, url);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toMatch(/^rotate-tokens: [^\n]+\n$/);
    expect(stderr).toContain(message);
  });

  it.each([
    ['a missing DATABASE_URL', () => undefined, 2, 'DATABASE_URL is not set'],
    [
      'another database’s URL',
      () => 'mysql://root:S3cret@localhost/tickets',
      2,
      'DATABASE_URL is not a PostgreSQL URL',
    ],
    [
      'a wrong password',
      () => changed(url, { password: 'S3cret' }),
      2,
      'user name or password in DATABASE_URL is wrong',
    ],
    ['an unknown database', () => changed(url, { pathname: '/nowhere' }), 2, 'Check the database name'],
    ['a server that is not there', () => changed(url, { port: '1' }), 1, 'Is PostgreSQL running'],
    ['a database without migrations', () => changed(url, { pathname: '/postgres' }), 2, 'npx prisma migrate deploy'],
  ])('explains %s without giving a password away', async (_, databaseUrl, code, message) => {
    const { exitCode, stdout, stderr } = await runRotation(['--max-retry-time-ms', '0'], databaseUrl());
    expect(exitCode).toBe(code);
    expect(stderr).toContain(message);
    expect(stderr).toMatch(/^rotate-tokens: [^\n]+\n$/);
    expect(stdout + stderr).not.toContain('S3cret');
    expect(stdout + stderr).not.toContain(new URL(url).password);
  });
});

function changed(url: string, change: Partial<URL>): string {
  return Object.assign(new URL(url), change).href;
}
