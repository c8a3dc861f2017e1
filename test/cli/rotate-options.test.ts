import { describe, expect, it } from '@jest/globals';
import { parseRotateOptions } from '../../src/cli/rotate-options.ts';
import { DEFAULTS } from '../../src/config/settings.ts';

describe('the options of rotate-tokens', () => {
  it('may all be left out', async () => {
    expect(await parseRotateOptions([])).toEqual({
      settings: DEFAULTS,
      failFast: false,
      dryRun: false,
      report: undefined,
      json: false,
    });
  });

  it('become settings', async () => {
    expect(await parseRotateOptions(['--name', 'leak-2026-03', '--batch-size=100', '--json'])).toEqual({
      settings: { ...DEFAULTS, name: 'leak-2026-03', batchSize: 100 },
      failFast: false,
      dryRun: false,
      report: undefined,
      json: true,
    });
  });

  it('keep a name of digits as it was typed', async () => {
    expect((await parseRotateOptions(['--name', '007'])).settings.name).toBe('007');
  });

  it.each([
    ['an unknown option', ['--nope'], 'nope'],
    ['a spelling in camel case', ['--batchSize', '100'], 'batchSize'],
    ['a stray word', ['run'], 'comes first, and only options follow'],
    ['a stray word after --', ['--', 'run'], 'comes first, and only options follow'],
    ['a missing value', ['--name'], 'name'],
    ['an option in place of a value', ['--name', '--json'], 'name'],
    ['an empty value', ['--name='], '--name'],
    ['a name given twice', ['--name', 'a', '--name', 'b'], '--name'],
    ['a batch size given twice', ['--batch-size', '1', '--batch-size', '2'], '--batch-size'],
    ['a name that is negated', ['--no-name'], '--name'],
    ['a batch of no rows', ['--batch-size', '0'], '--batch-size must be "auto" or a whole number of rows, 1 to 20000'],
    [
      'a batch of less than no rows',
      ['--batch-size', '-5'],
      '--batch-size must be "auto" or a whole number of rows, 1 to 20000',
    ],
    [
      'a batch of letters',
      ['--batch-size', 'abc'],
      '--batch-size must be "auto" or a whole number of rows, 1 to 20000',
    ],
    ['half a row', ['--batch-size', '1.5'], '--batch-size must be "auto" or a whole number of rows, 1 to 20000'],
    ['a huge batch', ['--batch-size', '999999'], '--batch-size must be "auto" or a whole number of rows, 1 to 20000'],
    ['a batch size that is empty', ['--batch-size='], '--batch-size'],
    ['no worker', ['--workers', '0'], '--workers must be a whole number of workers, 1 to 32'],
    [
      'a target without a number',
      ['--target-batch-ms', 'fast'],
      '--target-batch-ms must be a whole number of milliseconds',
    ],
    ['tokens from nowhere', ['--tokens', 'nowhere'], '--tokens must be "app" or "database"'],
  ])('are refused, in one line that names it, for %s', async (_, args, expected) => {
    await expect(parseRotateOptions(args)).rejects.toMatchObject({
      name: 'ConfigurationError',
      message: expect.stringMatching(new RegExp(`^.*${expected}.*$`)),
    });
  });
});
