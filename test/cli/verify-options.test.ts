import { describe, expect, it } from '@jest/globals';
import { parseVerifyOptions } from '../../src/cli/verify-options.ts';
import { DEFAULTS } from '../../src/config/settings.ts';
import { ConfigurationError } from '../../src/index.ts';

describe('the options of verify', () => {
  it('are those of the rotation when none is given, and no list', async () => {
    const { settings, leaked, json } = await parseVerifyOptions([]);
    expect(settings).toMatchObject({ name: DEFAULTS.name, maxRetryTimeMs: DEFAULTS.maxRetryTimeMs });
    expect({ leaked, json }).toEqual({ leaked: undefined, json: false });
  });

  it.each([
    [['--leaked', 'dump.csv.gz'], { file: 'dump.csv.gz', options: { format: 'csv' } }],
    [['--leaked', '-'], { file: '-', options: { format: 'plain' } }],
    [
      ['--leaked', '-', '--leaked-format', 'ndjson', '--leaked-column', 'uuid'],
      { file: '-', options: { format: 'ndjson', column: 'uuid' } },
    ],
    [['--leaked', 'dump.csv', '--leaked-format', 'plain'], { file: 'dump.csv', options: { format: 'plain' } }],
  ])('say with %j where the list is, and how it is written', async (args, leaked) => {
    expect(await parseVerifyOptions(args)).toMatchObject({ leaked });
  });

  it.each([
    [['--leaked', '-', '--leaked-format', 'xml'], '--leaked-format must be "plain", "csv" or "ndjson"'],
    [['--leaked', '-', '--leaked-column', 'token'], '--leaked-column needs --leaked-format csv or ndjson'],
    [['--leaked-column', 'token'], '--leaked-column needs --leaked'],
    [['--leaked', 'a', '--leaked', 'b'], '--leaked must be given once, with a value'],
    [['--leaked', ''], '--leaked must be given once, with a value'],
    [['--leaked'], 'Not enough arguments following: leaked'],
    [['--workers', '2'], 'Unknown argument'],
    [['--name', ''], '--name must be 1 to 63 letters'],
    [['--max-retry-time-ms', 'long'], '--max-retry-time-ms must be a whole number of milliseconds'],
    [
      ['leaked.txt'],
      'The command (run, init, doctor, status, pause, resume, set, verify, report or expire-grace) comes first, and only options follow',
    ],
  ])('are refused as %j', async (args, message) => {
    const parsing = parseVerifyOptions(args);
    await expect(parsing).rejects.toThrow(ConfigurationError);
    await expect(parsing).rejects.toThrow(message);
  });
});
