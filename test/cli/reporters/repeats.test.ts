import { describe, expect, it } from '@jest/globals';
import { thinOutRepeats } from '../../../src/cli/reporters/repeats.ts';

describe('a message that comes again and again', () => {
  it('is let through at first, and again after a while with the number of those held back', () => {
    const repeats = thinOutRepeats();
    const seen = [0, 10_000, 20_000, 30_000, 40_000, 60_000].map((nowMs) => repeats.letThrough('away', nowMs));
    expect(seen).toEqual([0, undefined, undefined, 2, undefined, 1]);
    expect(repeats.heldBack()).toEqual([]);
  });

  it('does not hold another one back', () => {
    const repeats = thinOutRepeats();
    expect(['away', 'full', 'away', 'full'].map((message) => repeats.letThrough(message, 0))).toEqual([
      0,
      0,
      undefined,
      undefined,
    ]);
    expect(repeats.heldBack()).toEqual([
      ['away', 1],
      ['full', 1],
    ]);
  });
});
