import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Running, start } from '../support/command.ts';
import { until } from '../support/until.ts';

describe('npm run demo', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rotate-tokens-demo-test-'));
    await chmod(folder, 0o755); // the server's user has to come through
  });
  afterAll(() => rm(folder, { recursive: true }));
  const demo = (args: string[]) =>
    start(['--import', 'tsx', 'scripts/demo.ts', ...args], undefined, { TMPDIR: folder }, undefined, undefined, true);
  const leftBehind = async () => (await readdir(folder)).filter((name) => name.startsWith('rotate-tokens'));

  it('rotates every ticket on a server of its own, proves it, and leaves nothing behind', async () => {
    const { exitCode, stdout } = await demo(['--size', '3000']).ended;
    expect(stdout).toContain('3,000 tickets, 0 of the old tokens still valid, 0 tickets changed otherwise');
    expect(exitCode).toBe(0);
    expect(await leftBehind()).toEqual([]);
  });

  it.each([
    [
      'rotating',
      100_000,
      "rotation 'default': replacing",
      /stopped at [\d,]+ of 100,000; everything committed is saved/,
    ],
    // Prisma ends its seed by SIGTERM on Ctrl-C, and a seed on a busy machine may read that signal before the other.
    ['seeding', 20_000_000, ' of 20,000,000', /SIG(INT|TERM): stopping after this batch\ninserted [\d,]+ tickets/],
  ])('on Ctrl-C while %s, finishes the batch and says that nothing is left', async (_, size, printed, end) => {
    const running = demo(['--size', `${size}`]);
    await running.untilPrinted(printed);
    pressCtrlC(running);
    const { exitCode, stdout, stderr } = await running.ended;
    expect({ exitCode, stderr }).toEqual({ exitCode: 130, stderr: expect.not.stringContaining('57P01') });
    expect(stdout).toMatch(end);
    expect(stdout).toMatch(/nothing is left to continue; `npm run demo` starts over\.\n$/);
    expect(await leftBehind()).toEqual([]);
  });

  it('ends its server and its commands when it is killed while seeding', async () => {
    const running = demo(['--size', '20000000']);
    await running.untilPrinted(' of 20,000,000');
    running.process.kill('SIGKILL');
    await running.ended; // only when the last of them has closed its output
    await until(async () => (await leftBehind()).length === 0);
  });

  it('refuses a bad size with one line', async () => {
    const { exitCode, stderr } = await demo(['--size', '0']).ended;
    expect({ exitCode, stderr }).toEqual({ exitCode: 2, stderr: 'demo: --size must be at least 1\n' });
  });
});

/** A terminal sends the signal to the whole process group. */
function pressCtrlC({ process: { pid } }: Running): void {
  process.kill(-Number(pid), 'SIGINT');
}
