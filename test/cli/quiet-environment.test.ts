import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { COMMAND, start } from '../support/command.ts';

const URL = 'postgresql://user:the-password@127.0.0.1:1/shop';

describe('a command started where diagnostics would show secrets', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'quiet-'));
  });
  afterAll(() => rm(folder, { recursive: true }));
  const help = (environment: Record<string, string>, options: string[] = []) => {
    const args = [...options, COMMAND, '--help'];
    return start(args, URL, environment, Readable.from([]), folder).ended;
  };

  it.each<[string, Record<string, string>, string[]]>([
    ['DEBUG', { DEBUG: '*' }, []],
    ['NODE_PG_FORCE_NATIVE', { NODE_PG_FORCE_NATIVE: '1' }, []],
    ['reports', {}, ['--report-uncaught-exception']],
    ['reports', { NODE_OPTIONS: '--report-on-signal' }, []],
    ['reports', { NODE_OPTIONS: '--report-on-fatalerror' }, []],
  ])('turns off %s, given %j and %j, and says so in one line', async (name, environment, options) => {
    const { exitCode, stderr } = await help(environment, options);
    expect(exitCode).toBe(0);
    expect(stderr).toMatch(new RegExp(`^rotate-tokens: .*${name}[^\n]*\n$`));
  });

  it.each<[string, Record<string, string>, string[]]>([
    ['NODE_DEBUG', { NODE_DEBUG: 'net' }, []],
    ['--inspect', {}, ['--inspect=127.0.0.1:0']],
    ['--inspect', { NODE_OPTIONS: '--inspect=127.0.0.1:0' }, []],
    ['--tls-keylog', {}, ['--tls-keylog=keys']],
    ['--trace-tls', { NODE_OPTIONS: '--trace_tls' }, []],
    ['--heapsnapshot-signal', {}, ['--heapsnapshot-signal=SIGUSR2']],
    ['--heapsnapshot-near-heap-limit', {}, ['--heapsnapshot-near-heap-limit=1']],
    ['--unhandled-rejections=warn', { NODE_OPTIONS: '--unhandled-rejections=warn' }, []],
    ['--abort-on-uncaught-exception', {}, ['--abort-on-uncaught-exception']],
    ['PGOPTIONS', { PGOPTIONS: '-c log_statement=all' }, []],
    ['PGOPTIONS', { PGOPTIONS: '-c auto_explain.log_min_duration=0' }, []],
  ])('refuses %s, given %j and %j, which only the next start can turn off', async (name, environment, options) => {
    const { exitCode, stderr } = await help(environment, options);
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(new RegExp(`^rotate-tokens: ${name} .*\n$`, 'm'));
  });

  it('goes on with settings of a session that have nothing logged', async () => {
    expect(await help({ PGOPTIONS: '-c role=app -c statement_timeout=5s' })).toMatchObject({ exitCode: 0, stderr: '' });
  });

  it('finds them in a .env file, too', async () => {
    await writeFile(join(folder, '.env'), 'DEBUG=*\nPGOPTIONS="-c log_statement=all"\n');
    expect(await help({})).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('PGOPTIONS') });
    await writeFile(join(folder, '.env'), 'DEBUG=*\n');
    expect(await help({})).toMatchObject({ exitCode: 0, stderr: '' }); // it never takes effect
    await rm(join(folder, '.env'));
  });
});
