import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { DEFAULTS, MAX_BATCH_SIZE, MAX_WORKERS, PACES } from '../../src/config/settings.ts';
import { parseSettings } from '../../src/index.ts';

/** The options that are numbers, as the user writes them, and what they may be. */
const NUMBERS = [
  { field: 'batchSize', option: '--batch-size', unit: 'rows', least: 1, most: MAX_BATCH_SIZE },
  { field: 'targetBatchMs', option: '--target-batch-ms', unit: 'milliseconds', least: 10, most: 10_000 },
  { field: 'workers', option: '--workers', unit: 'workers', least: 1, most: MAX_WORKERS },
  { field: 'lockTimeoutMs', option: '--lock-timeout-ms', unit: 'milliseconds', least: 1, most: 60_000 },
  { field: 'statementTimeoutMs', option: '--statement-timeout-ms', unit: 'milliseconds', least: 100, most: 100_000 },
  { field: 'maxRetryTimeMs', option: '--max-retry-time-ms', unit: 'milliseconds', least: 0, most: 86_400_000 },
];

/** A ConfigurationError whose message matches. */
function configurationError(message: RegExp) {
  return expect.objectContaining({ name: 'ConfigurationError', message: expect.stringMatching(message) });
}

describe('settings', () => {
  it('take their defaults for what is missing or undefined', () => {
    expect(parseSettings({})).toEqual(DEFAULTS);
    expect(parseSettings({ name: undefined, batchSize: undefined })).toEqual(DEFAULTS);
  });

  it('keep what is given, up to the limits', () => {
    const longest = { name: 'leak.2026-03:tickets_1'.padEnd(63, 'x'), batchSize: MAX_BATCH_SIZE };
    expect(parseSettings(longest)).toMatchObject(longest);
    expect(parseSettings({ name: 'x', batchSize: 1 })).toMatchObject({ name: 'x', batchSize: 1 });
  });

  it('take from the pace what is not given itself', () => {
    expect(parseSettings({ pace: 'gentle' })).toMatchObject({ workers: 1, pauseRatio: PACES.gentle.pauseRatio });
    expect(parseSettings({ pace: 'gentle', workers: 3 })).toMatchObject({ ...PACES.gentle, workers: 3 });
    expect(() => parseSettings({ pace: 'slow' })).toThrow(
      configurationError(/^--pace must be "full", "steady" or "gentle"$/),
    );
  });

  it('are frozen', () => {
    expect(Object.isFrozen(parseSettings({}))).toBe(true);
  });

  it.each([0, -1, 1.5, MAX_BATCH_SIZE + 1, Number.NaN, Number.POSITIVE_INFINITY, '5000', null, [1, 2]])(
    'refuse a batch size of %p and name the option as the user writes it',
    (batchSize) => {
      expect(() => parseSettings({ batchSize })).toThrow(configurationError(/^--batch-size must be /));
    },
  );

  it.each(['', ' ', '-x', '.x', 'two words', 'línea', "x'; DROP TABLE tickets", 'line\n', 'x'.repeat(64)])(
    'refuse the name %j and say what a name looks like',
    (name) => {
      expect(() => parseSettings({ name })).toThrow(configurationError(/^--name must be 1 to 63 letters/));
    },
  );

  it.each([5, null, true, ['a', 'b']])('refuse %j as a name, since it is no text', (name) => {
    expect(() => parseSettings({ name })).toThrow(configurationError(/^--name /));
  });

  it('refuse an option that does not exist, rather than ignore a typing error', () => {
    expect(() => parseSettings({ batchsize: 100 })).toThrow(configurationError(/batchsize/));
  });

  it.each([undefined, null, 5, 'name'])('refuse %p, which holds no options at all', (input) => {
    expect(() => parseSettings(input)).toThrow(configurationError(/object/));
  });
});

describe('settings that are numbers', () => {
  it.each(NUMBERS)('are kept as low and as high as they may be: $option, $least to $most', ({ field, least, most }) => {
    expect(parseSettings({ [field]: least })).toMatchObject({ [field]: least });
    expect(parseSettings({ [field]: most })).toMatchObject({ [field]: most });
  });

  it.each(NUMBERS)('are refused, but not repeated, when they are any other: $option', (number) => {
    const { field, option, unit, least, most } = number;
    const refusal = new RegExp(`^${option} must be ("auto" or )?a whole number of ${unit}, ${least} to ${most}$`);
    const others = fc.oneof(
      fc.integer({ max: least - 1 }),
      fc.integer({ min: most + 1 }),
      fc.double().filter((number) => !Number.isInteger(number) || number < least || number > most),
    );
    return fc.assert(
      fc.property(others, (number) => {
        expect(() => parseSettings({ [field]: number })).toThrow(configurationError(refusal));
      }),
    );
  });

  it.each(NUMBERS)('are refused, but not repeated, when they are none at all: $option', ({ field, option }) => {
    for (const value of ['1000', 'secret', '', null, true, [1_000, 1_000], {}, 1_000n]) {
      const parsing = () => parseSettings({ [field]: value });
      expect(parsing).toThrow(configurationError(new RegExp(`^${option} must be `)));
      expect(parsing).not.toThrow(/secret/);
    }
  });
});

describe('settings that were parsed once', () => {
  const numbers = NUMBERS.map(({ field, least, most }) => [field, fc.integer({ min: least, max: most })]);
  const someSettings = fc.record(
    {
      ...Object.fromEntries(numbers),
      name: fc.stringMatching(/^[A-Za-z0-9][\w.:-]{0,62}$/),
      batchSize: fc.oneof(fc.constant('auto'), fc.integer({ min: 1, max: MAX_BATCH_SIZE })),
      tokens: fc.constantFrom('app', 'database'),
      pace: fc.constantFrom('full', 'steady', 'gentle'),
      asynchronousCommit: fc.boolean(),
    },
    { requiredKeys: [] },
  );

  it('hold what was given and the defaults for the rest, and are parsed to the same again', () => {
    return fc.assert(
      fc.property(someSettings, (given) => {
        const settings = parseSettings(given);
        expect(settings).toEqual({ ...DEFAULTS, ...PACES[settings.pace], ...given });
        expect(parseSettings(settings)).toEqual(settings);
      }),
    );
  });
});
