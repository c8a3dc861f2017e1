import { describe, expect, it } from '@jest/globals';
import { uuid } from '../src/token-kinds.ts';

describe('tokens of kind uuid', () => {
  it('are version 4 UUIDs, written without hyphens', () => {
    const version4 = /^[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}$/;
    expect(
      uuid()
        .make(100)
        .filter((token) => !version4.test(token)),
    ).toEqual([]);
  });

  it('are as many as asked for, and all different', () => {
    const tokens = uuid().make(10_000);
    expect(tokens).toHaveLength(10_000);
    expect(new Set(tokens).size).toBe(10_000);
  });

  it('are different the next time', () => {
    expect(uuid().make(1)).not.toEqual(uuid().make(1));
  });

  it('are none when none are asked for', () => {
    expect(uuid().make(0)).toEqual([]);
  });
});
