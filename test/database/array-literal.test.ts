import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { arrayLiteral } from '../../src/database/array-literal.ts';
import { useTestDatabase } from '../support/database.ts';

describe('an array literal', () => {
  const { database } = useTestDatabase();

  it('is one string, braces around and commas between', () => {
    expect(arrayLiteral([1n, -2n, 3n])).toBe('{1,-2,3}');
  });

  it.each([
    { keys: [-9_223_372_036_854_775_808n, -1n, 0n, 9_223_372_036_854_775_807n] },
    { keys: [42n] },
    { keys: [] },
  ])('is read by PostgreSQL as the keys it was made of: $keys', async ({ keys }) => {
    const rows = await database.$queryRaw`SELECT ${arrayLiteral(keys)}::bigint[] AS keys`;
    expect(rows).toEqual([{ keys }]);
  });

  it('is read by PostgreSQL as the tokens it was made of', async () => {
    const tokens = [randomUUID(), randomUUID(), randomUUID()];
    const rows = await database.$queryRaw`SELECT ${arrayLiteral(tokens)}::uuid[] AS tokens`;
    expect(rows).toEqual([{ tokens }]);
  });

  it.each([
    ['empty ones', ['']],
    ['several empty ones', ['', '', '']],
    ['what stands for null', ['NULL', 'null', 'Null', 'nullable']],
    ['quotes and backslashes', ['"', '\\', '\\"', '""', "it's", '\\\\', 'ends with \\']],
    ['braces and commas', ['{}', '{a,b}', ',', 'a,b', '}{']],
    ['white space', [' ', ' a ', '\t', '\n', 'a\n', '\r\n', '\u00a0']],
    ['other scripts', ['ä', '票', '🎟️', 'e\u0301', '\u{10ffff}']],
    ['what looks like another type', ['1', '-1', '2026-03-01T12:00:00.000Z', 'true', '[1:2]={1,2}']],
  ])('is read by PostgreSQL as the texts it was made of: %s', async (_, texts) => {
    expect(await readBack(texts)).toEqual(texts);
  });

  it('is read by PostgreSQL as the texts it was made of, whatever they are', () => {
    const anything = fc.string({ unit: 'binary' }).map((text) => text.replaceAll('\0', '')); // which no text may hold
    const syntax = fc.string({ unit: fc.constantFrom(...'"\\{},\' \n-aNUL') });
    return fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(anything, syntax)), async (texts) => {
        expect(await readBack(texts)).toEqual(texts);
      }),
      { numRuns: 300 },
    );
  });

  /** What PostgreSQL finds in it, one by one. */
  async function readBack(texts: readonly string[]): Promise<string[]> {
    const rows = await database.$queryRaw<{ text: string }[]>`
      SELECT text FROM unnest(${arrayLiteral(texts)}::text[]) WITH ORDINALITY AS given (text, place) ORDER BY place`;
    return rows.map(({ text }) => text);
  }
});
