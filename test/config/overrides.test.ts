import { describe, expect, it } from '@jest/globals';
import { inForce, parseOverrides } from '../../src/config/overrides.ts';
import { parseSettings } from '../../src/index.ts';

describe('settings that are changed while a rotation runs', () => {
  const settings = parseSettings({ workers: 3, maxRowsPerSecond: 500 });

  it('leave all others as they were', () => {
    expect(inForce(settings, {})).toEqual(settings);
    expect(inForce(settings, parseOverrides({ maxRowsPerSecond: null, workers: 1 }))).toEqual({
      ...settings,
      maxRowsPerSecond: null,
      workers: 1,
    });
  });

  it('have a pace bring its own workers, batches and pauses, but for what is set besides', () => {
    expect(inForce(settings, { pace: 'gentle' })).toMatchObject({ workers: 1, targetBatchMs: 20, pauseRatio: 3 });
    expect(inForce(settings, { pace: 'gentle', workers: 5 })).toMatchObject({ workers: 5, pauseRatio: 3 });
  });

  it.each([
    [{ workers: 0 }, '--workers must be a whole number of workers, 1 to 32'],
    [{ workers: null }, '--workers must be a whole number of workers, 1 to 32'],
    [{ maxRowsPerSecond: 'many' }, '--max-rows-per-second must be a whole number of rows, 1 to 10000000'],
    [{ name: 'other' }, 'unknown option "name"'],
  ])('are checked as they are at the start: %j', (input, message) => {
    expect(() => parseOverrides(input)).toThrow(message);
  });
});
