import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { isNarrowed, NOT_ISOLATING, narrow, widen } from '../../src/rotate/isolation.ts';

/** What a sweep came to. */
interface Swept {
  /** In the order of their batches. */
  rotated: number[];
  setAside: number[];
  /** How many rows each batch was to have, those that failed included. */
  sizes: number[];
}

/** Enough for every sweep here that comes to an end at all. */
const MOST_BATCHES = 100_000;

/**
 * The loop of src/rotate/sweep.ts, in memory: rows 0, 1, … of which some make every batch fail that they are in.
 *
 * @param usualSizes what the batches' sizes would be if nothing were in the way, over and over
 */
function sweep(
  rows: number,
  isInTheWay: (row: number, batches: number) => boolean,
  usualSizes: readonly number[],
): Swept {
  const swept: Swept = { rotated: [], setAside: [], sizes: [] };
  let isolation = NOT_ISOLATING;
  for (let cursor = 0; cursor < rows; ) {
    const batches = swept.sizes.length;
    if (batches > MOST_BATCHES) throw new Error('the sweep does not end');
    const usualSize = usualSizes[batches % usualSizes.length] ?? 1;
    const size = Math.min(usualSize, isolation.limit);
    const batch = Array.from({ length: Math.min(size, rows - cursor) }, (_, index) => cursor + index);
    swept.sizes.push(size);
    if (batch.some((row) => isInTheWay(row, batches))) {
      const narrowed = narrow(isolation, size);
      if (narrowed !== 'alone') {
        isolation = narrowed;
        continue;
      }
      swept.setAside.push(cursor);
      cursor += 1;
    } else {
      swept.rotated.push(...batch);
      cursor += batch.length;
      isolation = widen(isolation, usualSize);
    }
  }
  return swept;
}

describe('isolating rows that are in the way', () => {
  it('tries the same again first, then halves the batch until the row is alone, then doubles it again', () => {
    const swept = sweep(16, (row) => row === 0, [8]);
    expect(swept.sizes).toEqual([8, 8, 4, 2, 1, 1, 2, 4, 8]);
    expect(swept.setAside).toEqual([0]);
  });

  it('sets nothing aside when the same again succeeds', () => {
    const lockedAtFirst = (row: number, batches: number) => row === 5 && batches === 0;
    expect(sweep(16, lockedAtFirst, [8])).toMatchObject({ sizes: [8, 8, 8], setAside: [] });
  });

  it('changes no batch where nothing is in the way', () => {
    const swept = sweep(20, () => false, [8]);
    expect(swept).toMatchObject({ sizes: [8, 8, 8], setAside: [] });
    expect(widen(NOT_ISOLATING, 8)).toEqual(NOT_ISOLATING);
  });

  it('goes on row by row where many in succession are in the way', () => {
    const swept = sweep(8, (row) => row < 4, [4]);
    expect(swept.sizes).toEqual([4, 4, 2, 1, 1, 1, 1, 1, 2, 4]);
    expect(swept.setAside).toEqual([0, 1, 2, 3]);
  });

  it('counts as narrowed only after trying the same again has failed', () => {
    const [again, halved] = [
      { failures: 1, limit: 8 },
      { failures: 2, limit: 4 },
    ];
    expect([narrow(NOT_ISOLATING, 8), narrow(again, 8)]).toEqual([again, halved]);
    expect([NOT_ISOLATING, again, halved].map(isNarrowed)).toEqual([false, false, true]);
  });

  it('halves an odd number of rows to a whole one', () => {
    expect(narrow({ failures: 1, limit: 7 }, 7)).toEqual({ failures: 2, limit: 3 });
  });

  const rowsInTheWay = fc.array(fc.boolean(), { maxLength: 200 });
  const usualSizes = fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 20_000 }));

  it('sets aside exactly those, and rotates all others in order, each once, whatever the batch sizes', () => {
    return fc.assert(
      fc.property(rowsInTheWay, fc.array(usualSizes, { minLength: 1, maxLength: 5 }), (inTheWay, sizes) => {
        const { rotated, setAside } = sweep(inTheWay.length, (row) => inTheWay[row] === true, sizes);
        expect(setAside).toEqual([...inTheWay.keys()].filter((row) => inTheWay[row]));
        expect(rotated).toEqual([...inTheWay.keys()].filter((row) => !inTheWay[row]));
      }),
    );
  });

  it('takes, for each of them, no more batches than a few ways down to one row and up again', () => {
    const sparse = fc.array(fc.nat(4_999), { maxLength: 20 });
    return fc.assert(
      fc.property(fc.integer({ min: 1, max: 5_000 }), sparse, usualSizes, (rows, keys, usualSize) => {
        const inTheWay = new Set(keys.filter((key) => key < rows));
        const { sizes, setAside } = sweep(rows, (row) => inTheWay.has(row), [usualSize]);
        const wayDown = Math.floor(Math.log2(usualSize)) + 1;
        expect(sizes.length).toBeLessThanOrEqual(Math.ceil(rows / usualSize) + 4 * (wayDown + 1) * setAside.length);
        expect(sizes.every((size) => size >= 1 && size <= usualSize)).toBe(true);
      }),
    );
  });
});
