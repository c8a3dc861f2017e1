import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { NOT_ISOLATING, narrow, sweepAll, widen } from '../../src/rotate/isolation.ts';

/** Result of a sweep. */
interface Swept {
  /** In the order of their batches. */
  rotated: number[];
  setAside: number[];
  /** Rows that each batch was to have, including those that failed. */
  sizes: number[];
}

/** More than any sweep here needs. */
const MOST_BATCHES = 100_000;

/**
 * Sweeps rows 0, 1, … in memory, some of which fail every batch that has them.
 *
 * @param usualSizes sizes of the batches if no row fails, over and over
 */
async function sweep(
  rows: number,
  fails: (row: number, batches: number) => boolean,
  usualSizes: readonly number[],
): Promise<Swept> {
  const swept: Swept = { rotated: [], setAside: [], sizes: [] };
  let cursor = 0;
  await sweepAll({
    isDone: () => cursor >= rows,
    usualSize: () => usualSizes[swept.sizes.length % usualSizes.length] ?? 1,
    async write(size) {
      const batches = swept.sizes.length;
      if (batches > MOST_BATCHES) throw new Error('the sweep does not end');
      const batch = Array.from({ length: Math.min(size, rows - cursor) }, (_, index) => cursor + index);
      swept.sizes.push(size);
      if (batch.some((row) => fails(row, batches))) throw FAILED;
      swept.rotated.push(...batch);
      cursor += batch.length;
    },
    async fail(error, _, next) {
      if (error !== FAILED) throw error;
      if (next === 'alone') swept.setAside.push(cursor++);
    },
  });
  return swept;
}

const FAILED = new Error('a row of the batch fails');

describe('isolating rows that are in the way', () => {
  it('tries the same again first, then halves the batch until the row is alone, then doubles it again', async () => {
    const swept = await sweep(16, (row) => row === 0, [8]);
    expect(swept.sizes).toEqual([8, 8, 4, 2, 1, 1, 2, 4, 8]);
    expect(swept.setAside).toEqual([0]);
  });

  it('sets nothing aside when the same again succeeds', async () => {
    const lockedAtFirst = (row: number, batches: number) => row === 5 && batches === 0;
    expect(await sweep(16, lockedAtFirst, [8])).toMatchObject({ sizes: [8, 8, 8], setAside: [] });
  });

  it('changes no batch where nothing is in the way', async () => {
    const swept = await sweep(20, () => false, [8]);
    expect(swept).toMatchObject({ sizes: [8, 8, 8], setAside: [] });
    expect(widen(NOT_ISOLATING, 8)).toEqual(NOT_ISOLATING);
  });

  it('goes on row by row where many in succession are in the way', async () => {
    const swept = await sweep(8, (row) => row < 4, [4]);
    expect(swept.sizes).toEqual([4, 4, 2, 1, 1, 1, 1, 1, 2, 4]);
    expect(swept.setAside).toEqual([0, 1, 2, 3]);
  });

  it('ends with the error of a step that single rows did not cause', async () => {
    const broken = { isDone: () => false, usualSize: () => 8, write: () => Promise.reject(FAILED) };
    const ended = sweepAll({ ...broken, fail: (error) => Promise.reject(error) });
    await expect(ended).rejects.toBe(FAILED);
  });

  it('halves an odd number of rows to a whole one', () => {
    expect(narrow({ failures: 1, limit: 7 }, 7)).toEqual({ failures: 2, limit: 3 });
  });

  const rowsInTheWay = fc.array(fc.boolean(), { maxLength: 200 });
  const usualSizes = fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 20_000 }));

  it('sets aside exactly those, and rotates all others in order, each once, whatever the batch sizes', async () => {
    return fc.assert(
      fc.asyncProperty(rowsInTheWay, fc.array(usualSizes, { minLength: 1, maxLength: 5 }), async (inTheWay, sizes) => {
        const { rotated, setAside } = await sweep(inTheWay.length, (row) => inTheWay[row] === true, sizes);
        expect(setAside).toEqual([...inTheWay.keys()].filter((row) => inTheWay[row]));
        expect(rotated).toEqual([...inTheWay.keys()].filter((row) => !inTheWay[row]));
      }),
    );
  });

  it('takes, for each of them, no more batches than a few ways down to one row and up again', async () => {
    const sparse = fc.array(fc.nat(4_999), { maxLength: 20 });
    return fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 5_000 }), sparse, usualSizes, async (rows, keys, usualSize) => {
        const inTheWay = new Set(keys.filter((key) => key < rows));
        const { sizes, setAside } = await sweep(rows, (row) => inTheWay.has(row), [usualSize]);
        const wayDown = Math.floor(Math.log2(usualSize)) + 1;
        expect(sizes.length).toBeLessThanOrEqual(Math.ceil(rows / usualSize) + 4 * (wayDown + 1) * setAside.length);
        expect(sizes.every((size) => size >= 1 && size <= usualSize)).toBe(true);
      }),
    );
  });
});
