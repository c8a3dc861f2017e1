import { expect, it } from '@jest/globals';
import { printable } from '../../../scripts/cli/printable.ts';

it.each([
  ['Zoë O’Brien (日本) \\ "x"', 'Zoë O’Brien (日本) \\ "x"'],
  ['one\ntwo\r\tthree', 'one\\u000atwo\\u000d\\u0009three'],
  ['\x1b[2Jgone\x07\x7f', '\\u001b[2Jgone\\u0007\\u007f'],
  ['\u202egnikcah\u2028', '\\u202egnikcah\\u2028'],
])('what may be any text is printed so that it stays in its place: %j', (text, printed) => {
  expect(printable(text)).toBe(printed);
});
