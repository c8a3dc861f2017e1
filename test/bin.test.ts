import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import packageJson from '../package.json' with { type: 'json' };
import { COMMAND, start } from './support/command.ts';

describe('the installed command', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rotate-tokens-bin-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('says which Node it needs, where another one would report a syntax error', async () => {
    const pretend = (version: string) =>
      `data:text/javascript,Object.defineProperty(process,'versions',{value:{node:'${version}'}})`;
    const withNode = (version: string) => start(['--import', pretend(version), COMMAND, '--version'], undefined).ended;
    const oldest = packageJson.engines.node.replace('>=', '');
    expect(await withNode('20.18.1')).toMatchObject({
      exitCode: 2,
      stderr: `rotate-tokens: this is Node 20.18.1, and Node ${oldest} or later is needed.\n`,
    });
    expect(await withNode(`${oldest}.0`)).toMatchObject({ exitCode: 0, stdout: `${packageJson.version}\n` });
  });

  it('says what to do where it was never built', async () => {
    const copy = join(folder, 'bin', 'rotate-tokens.js');
    await cp(COMMAND, copy);
    expect(await start([copy], undefined).ended).toMatchObject({
      exitCode: 2,
      stderr: 'rotate-tokens: it is not complete. Run `npm install`; in its own repository, `npm run build`.\n',
    });
  });
});
