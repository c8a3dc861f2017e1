import { describe, expect, it } from '@jest/globals';
import { parseRotateOptions } from '../../../scripts/cli/rotate-options.ts';
import { DEFAULTS } from '../../../src/index.ts';

describe('the options of rotate-tokens', () => {
  it('may all be left out', async () => {
    expect(await parseRotateOptions([])).toEqual({ settings: DEFAULTS, json: false });
  });

  it('become settings', async () => {
    expect(await parseRotateOptions(['--name', 'leak-2026-03', '--batch-size=100', '--json'])).toEqual({
      settings: { name: 'leak-2026-03', batchSize: 100 },
      json: true,
    });
  });

  it('keep a name of digits as it was typed', async () => {
    expect((await parseRotateOptions(['--name', '007'])).settings.name).toBe('007');
  });

  it.each([
    ['an unknown option', ['--nope'], 'nope'],
    ['a spelling in camel case', ['--batchSize', '100'], 'batchSize'],
    ['a stray word', ['run'], 'There are no commands, only options'],
    ['a stray word after --', ['--', 'run'], 'There are no commands, only options'],
    ['a missing value', ['--name'], 'name'],
    ['an option in place of a value', ['--name', '--json'], 'name'],
    ['an empty value', ['--name='], '--name'],
    ['a name given twice', ['--name', 'a', '--name', 'b'], '--name'],
    ['a batch size given twice', ['--batch-size', '1', '--batch-size', '2'], '--batch-size'],
    ['a name that is negated', ['--no-name'], '--name'],
    ['a batch of no rows', ['--batch-size', '0'], '--batch-size has to be at least 1 row'],
    ['a batch of less than no rows', ['--batch-size', '-5'], '--batch-size has to be at least 1 row'],
    ['a batch of letters', ['--batch-size', 'abc'], '--batch-size has to be a whole number of rows'],
    ['half a row', ['--batch-size', '1.5'], '--batch-size has to be a whole number of rows'],
    ['a huge batch', ['--batch-size', '999999'], '--batch-size has to be at most 20,000 rows'],
    ['a batch size that is empty', ['--batch-size='], '--batch-size'],
  ])('are refused, in one line that names it, for %s', async (_, args, expected) => {
    await expect(parseRotateOptions(args)).rejects.toMatchObject({
      name: 'ConfigurationError',
      message: expect.stringMatching(new RegExp(`^.*${expected}.*$`)),
    });
  });
});
