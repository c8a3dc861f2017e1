import { describe, expect, it } from '@jest/globals';
import { printable, printableJson } from '../../src/text/printable.ts';

/** C0, DEL, C1, bidirectional marks, separators, invisible characters (one of two UTF-16 units), half a character. */
const UNPRINTABLE =
  '\0\x07\x1b\x7f\x85\x9b\u061c\u200b\u200e\u200f\u202a\u202e\u2066\u2069\u2028\u2029\ufeff\u{e0041}\ud800';

it.each([
  ['Zoë O’Brien (日本) \\ "x" 😀', 'Zoë O’Brien (日本) \\ "x" 😀'],
  ['one\ntwo\r\tthree', 'one\\u000atwo\\u000d\\u0009three'],
  ['\x1b[2Jgone\x07\x7f', '\\u001b[2Jgone\\u0007\\u007f'],
  ['\u202egnikcah\u2028', '\\u202egnikcah\\u2028'],
  ['\x9b2J\u061c\u{e0041}', '\\u009b2J\\u061c\\udb40\\udc41'],
])('what may be any text is printed so that it stays in its place: %j', (text, printed) => {
  expect(printable(text)).toBe(printed);
});

describe('printable JSON', () => {
  it.each([0, 2])('has nothing unprintable in it, and is read as what it was, indented by %d', (indent) => {
    const value = { [UNPRINTABLE]: [UNPRINTABLE, 'Zoë'] };
    const json = printableJson(value, indent);
    expect(json.replaceAll('\n', '')).toMatch(/^[\x20-\x7e\u00eb]*$/);
    expect(JSON.parse(json)).toEqual(value);
  });

  it('has integers of any size as text', () => {
    expect(printableJson({ key: 2n ** 63n })).toBe('{"key":"9223372036854775808"}');
  });
});
