import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { hasForm, profileOf } from '../../src/verify/token-profile.ts';

const several = (count: number, make: () => string) => Array.from({ length: count }, make);
const hex = (bytes: number) => randomBytes(bytes).toString('hex');

describe('what the values of a column have in common', () => {
  it.each([
    ['the length, where all have the same', several(30, () => hex(16)), hex(16), hex(15)],
    [
      'the beginning that somebody chose',
      several(30, () => `tk_live_${hex(8)}`),
      `tk_live_${hex(8)}`,
      `tk_test_${hex(8)}`,
    ],
    ['the characters', several(200, () => hex(16)), hex(16), `g${hex(16).slice(1)}`],
    [
      'about the length, where that differs',
      several(60, () => 'x'.repeat(20 + Math.random() * 20)),
      'x'.repeat(50),
      'x'.repeat(100),
    ],
    ['no character that tokens do not have as a rule', several(5, () => hex(16)), hex(16), `${hex(14)} @!?`],
  ])('is %s', (_, values, alike, unlike) => {
    const profile = profileOf(values);
    expect(profile && [hasForm(profile, alike), hasForm(profile, unlike)]).toEqual([true, false]);
  });

  it.each([
    ['a length', several(2, () => hex(16)), hex(20)],
    ['a beginning', several(10, () => `tk_live_${hex(8)}`), `tk_test_${hex(8)}`],
    ['characters', several(10, () => hex(16)), `g${hex(16).slice(1)}`],
    ['a beginning that counts on', several(30, () => `01JD${hex(12)}`), `01JE${hex(12)}`],
  ])('is not %s that a few have by chance', (_, values, text) => {
    const profile = profileOf(values);
    expect(profile && hasForm(profile, text)).toBe(true);
  });

  it('is nothing where there are no values', () => {
    expect(profileOf([])).toBeNull();
  });
});
