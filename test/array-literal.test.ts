import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { arrayLiteral } from '../src/array-literal.ts';
import { useTestDatabase } from './support/database.ts';

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
});
