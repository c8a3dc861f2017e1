import { describe, expect, it } from '@jest/globals';
import { readableEntries } from '../../src/verify/readable.ts';
import type { StoredColumn } from '../../src/verify/stored-column.ts';
import { profileOf } from '../../src/verify/token-profile.ts';

describe('a line of a leaked list, where the column should hold hashes and holds other values', () => {
  const column = (values: readonly string[]): StoredColumn => ({
    storage: 'hashed text',
    hash: null,
    profile: profileOf(values),
    sampled: 100,
    hashes: 0,
  });

  it.each([false, true])(
    'is not taken for looked up because its own hash resembles them (any form allowed: %s)',
    (allowsOtherForm) => {
      const entries = [{ line: 7, text: 'tk_live_0123456789' }];
      for (const values of [['Q'.repeat(50)], ['Q'.repeat(40), 'R'.repeat(60)]]) {
        expect(readableEntries(column(values), entries, null, allowsOtherForm).unlike).toEqual(entries);
      }
    },
  );

  it('is looked up where it resembles them itself', () => {
    const entries = [{ line: 7, text: 'S'.repeat(50) }];
    expect(readableEntries(column(['Q'.repeat(50)]), entries, null, false).unlike).toEqual([]);
  });
});
