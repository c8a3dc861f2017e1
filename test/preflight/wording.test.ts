import { describe, expect, it } from '@jest/globals';
import { count, formatBytes, formatSeconds, nameAll } from '../../src/preflight/wording.ts';

describe('the wording of findings', () => {
  it('names a few, and counts the rest', () => {
    expect(nameAll(['a'])).toBe('a');
    expect(nameAll(['a', 'b', 'c', 'd', 'e'])).toBe('a, b, c, d, e');
    expect(nameAll(['a', 'b', 'c', 'd', 'e', 'f', 'g'])).toBe('a, b, c, d, e and 2 more');
  });

  it('tells one from many', () => {
    expect(count(1, 'index', 'indexes')).toBe('1 index');
    expect(count(0, 'index', 'indexes')).toBe('0 indexes');
    expect(count(2, 'trigger')).toBe('2 triggers');
  });

  it.each([
    [0, '0 kB'],
    [16_384, '16 kB'],
    [999_999, '1000 kB'],
    [1_540_000, '1.5 MB'],
    [123_456_789, '123 MB'],
    [2_000_000_000, '2 GB'],
  ])('writes %d bytes as %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text));

  it.each([
    [0.25, '0.3 s'],
    [5, '5 s'],
    [119.4, '119 s'],
    [300, '5 min'],
    [7_100, '118 min'],
    [9_000, '2.5 h'],
  ])('writes %d seconds as %s', (seconds, text) => expect(formatSeconds(seconds)).toBe(text));
});
