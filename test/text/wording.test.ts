import { describe, expect, it } from '@jest/globals';
import { shortened } from '../../src/text/wording.ts';

describe('a text that is shown', () => {
  it('is whole up to three hundred characters', () => {
    expect(shortened('x'.repeat(300))).toBe('x'.repeat(300));
  });

  it('is cut beyond, and says how much is left out', () => {
    expect(shortened('x'.repeat(1_800))).toBe(`${'x'.repeat(300)}… (1,500 more characters)`);
    expect(shortened('x'.repeat(301))).toBe(`${'x'.repeat(300)}… (1 more character)`);
  });
});
