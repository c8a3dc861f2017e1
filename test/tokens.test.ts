import { describe, expect, it } from '@jest/globals';
import { makeTokens } from '../src/tokens.ts';

describe('tokens', () => {
  it('are version 4 UUIDs, written without hyphens', () => {
    const version4 = /^[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}$/;
    expect(makeTokens(100).filter((token) => !version4.test(token))).toEqual([]);
  });

  it('are as many as asked for, and all different', () => {
    const tokens = makeTokens(10_000);
    expect(tokens).toHaveLength(10_000);
    expect(new Set(tokens).size).toBe(10_000);
  });

  it('are different the next time', () => {
    expect(makeTokens(1)).not.toEqual(makeTokens(1));
  });

  it('are none when none are asked for', () => {
    expect(makeTokens(0)).toEqual([]);
  });
});
