import { execFileSync } from 'node:child_process';
import { describe, expect, it } from '@jest/globals';

/**
 * The line, as a process prints it whose environment is the given one alone: Node colors by FORCE_COLOR, NO_COLOR, CI
 * and more, which whatever runs the tests may set.
 */
function shown(line: string, environment: Record<string, string>, isTTY = true): string {
  const script = `
    import { colored } from ${JSON.stringify(new URL('../../../src/cli/reporters/color.ts', import.meta.url).href)};
    import { PassThrough } from 'node:stream';
    import { WriteStream } from 'node:tty';
    const { getColorDepth } = WriteStream.prototype;
    process.stdout.write(colored(${JSON.stringify(line)}, Object.assign(new PassThrough(), { isTTY: ${isTTY}, getColorDepth })));
  `;
  return execFileSync(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', script], {
    env: environment,
    encoding: 'utf8',
  });
}

describe('the mark of a finding', () => {
  const terminal = { TERM: 'xterm-256color' };

  it.each([
    ['  ok       table: it is there', '  \u001b[32mok\u001b[39m       table: it is there'],
    ['warning  triggers: one runs', '\u001b[33mwarning\u001b[39m  triggers: one runs'],
    ['  STOP     token-column: it is null', '  \u001b[31mSTOP\u001b[39m     token-column: it is null'],
    ['stopped; nothing is ok or a warning here', 'stopped; nothing is ok or a warning here'],
  ])('is colored on a terminal: %s', (line, inColor) => {
    expect(shown(line, terminal)).toBe(inColor);
  });

  it('is plain in a pipe, and with NO_COLOR', () => {
    const line = '  ok       table: it is there';
    expect(shown(line, terminal, false)).toBe(line);
    expect(shown(line, { ...terminal, NO_COLOR: '1' })).toBe(line);
  });
});
