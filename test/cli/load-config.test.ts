import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { loadConfig } from '../../src/cli/load-config.ts';
import { ConfigurationError } from '../../src/index.ts';

describe('the configuration of a project', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'config-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('is what rotate-tokens.config.ts in its folder exports', async () => {
    expect(Object.keys((await loadConfig()).targets)).toEqual(['ticket']);
  });

  it('is missed where there is none', async () => {
    const loading = loadConfig(folder);
    await expect(loading).rejects.toThrow(ConfigurationError);
    await expect(loading).rejects.toThrow(`there is no rotate-tokens.config.ts in ${folder}.`);
  });

  it.each([
    ['exports something else', 'export default 3;', 'its default export must be the result of defineTargets(…)'],
    ['exports nothing', 'export const targets = {};', 'its default export must be the result of defineTargets(…)'],
    [
      'has no client in it',
      'export default { targets: { ticket: {} } };',
      'PrismaClient: must be the class that `prisma generate` made',
    ],
    [
      'has no target in it',
      'export default { PrismaClient: class {}, targets: {} };',
      'targets: must have at least one entry',
    ],
    [
      'needs a client that was never generated',
      "import './generated/client.ts'; export default 3;",
      'Run `npx prisma generate` first.',
    ],
    ['fails', "throw new Error('no such environment');", 'no such environment'],
  ])('is refused when it %s, in one line', async (_, text, message) => {
    await writeFile(join(folder, 'rotate-tokens.config.ts'), text);
    const loading = loadConfig(folder);
    await expect(loading).rejects.toThrow(ConfigurationError);
    await expect(loading).rejects.toThrow(/^rotate-tokens\.config\.ts cannot be used: [^\n]+$/);
    await expect(loading).rejects.toThrow(message);
  });

  it.each([
    ['the URL', 'process.env.DATABASE_URL'],
    ['the password', 'new URL(process.env.DATABASE_URL).password'],
    ['the password as it is typed', 'decodeURIComponent(new URL(process.env.DATABASE_URL).password)'],
  ])('does not show %s of the database when its own error has it', async (_, secret) => {
    const before = process.env.DATABASE_URL;
    process.env.DATABASE_URL = 'postgresql://shop:p%40ss-word@localhost/shop';
    try {
      await writeFile(join(folder, 'rotate-tokens.config.ts'), `throw new Error('no host in ' + ${secret});`);
      await expect(loadConfig(folder)).rejects.toThrow(/no host in …$/);
    } finally {
      if (before === undefined) delete process.env.DATABASE_URL;
      else process.env.DATABASE_URL = before;
    }
  });

  it('shows nothing that a database answered to it', async () => {
    const answer = `Object.assign(new Error('token leaked-text'), { severity: 'ERROR', code: '23505' })`;
    await writeFile(join(folder, 'rotate-tokens.config.ts'), `throw ${answer};`);
    await expect(loadConfig(folder)).rejects.toThrow(/23505/);
    await expect(loadConfig(folder)).rejects.not.toThrow(/leaked-text/);
  });
});
