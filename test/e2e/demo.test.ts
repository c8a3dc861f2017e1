import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { start } from '../support/command.ts';

describe('npm run demo', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rotate-tokens-demo-test-'));
    await chmod(folder, 0o755); // the server's user has to come through
  });
  afterAll(() => rm(folder, { recursive: true }));
  const demo = (args: string[]) =>
    start(['--import', 'tsx', 'scripts/demo.ts', ...args], undefined, { TMPDIR: folder });
  const leftBehind = async () => (await readdir(folder)).filter((name) => name.startsWith('rotate-tokens'));

  it('rotates every ticket on a server of its own, proves it, and leaves nothing behind', async () => {
    const { exitCode, stdout } = await demo(['--size', '3000']).ended;
    expect(stdout).toContain('3,000 tickets, 0 of the old tokens still valid, 0 tickets changed otherwise');
    expect(exitCode).toBe(0);
    expect(await leftBehind()).toEqual([]);
  });

  it('stops its server when it is interrupted', async () => {
    const running = demo(['--size', '300000']);
    await running.untilPrinted("starting 'default'");
    running.process.kill('SIGINT');
    const { exitCode, stdout } = await running.ended;
    expect(exitCode).toBe(130);
    expect(stdout).toMatch(/stopped at [\d,]+ of 300,000; all of it is saved/);
    expect(await leftBehind()).toEqual([]);
  });

  it('refuses a bad size with one line', async () => {
    const { exitCode, stderr } = await demo(['--size', '0']).ended;
    expect({ exitCode, stderr }).toEqual({ exitCode: 2, stderr: 'demo: --size has to be at least 1\n' });
  });
});
