import { PassThrough } from 'node:stream';
import { WriteStream } from 'node:tty';
import { afterAll, beforeEach, describe, expect, it } from '@jest/globals';
import { colored } from '../../../src/cli/reporters/color.ts';

describe('the mark of a finding', () => {
  const { FORCE_COLOR: _, NO_COLOR: __, ...others } = process.env; // Jest sets the first one
  const before = process.env;
  beforeEach(() => {
    process.env = { ...others };
  });
  afterAll(() => {
    process.env = before;
  });
  /** It finds out in Node's way how many colors it may show. */
  const terminal = () =>
    Object.assign(new PassThrough(), {
      isTTY: true,
      getColorDepth: () => WriteStream.prototype.getColorDepth.call(null, { TERM: 'xterm-256color', ...process.env }),
    });

  it.each([
    ['  ok       table: it is there', '  \u001b[32mok\u001b[39m       table: it is there'],
    ['warning  triggers: one runs', '\u001b[33mwarning\u001b[39m  triggers: one runs'],
    ['  STOP     token-column: it is null', '  \u001b[31mSTOP\u001b[39m     token-column: it is null'],
    ['stopped; nothing is ok or a warning here', 'stopped; nothing is ok or a warning here'],
  ])('is colored on a terminal: %s', (line, shown) => {
    expect(colored(line, terminal())).toBe(shown);
  });

  it('is plain in a pipe, and with NO_COLOR', () => {
    const line = '  ok       table: it is there';
    expect(colored(line, new PassThrough())).toBe(line);
    process.env.NO_COLOR = '1';
    expect(colored(line, terminal())).toBe(line);
  });
});
