import { describe, expect, it } from '@jest/globals';
import { drawTerminal, linesOnScreen } from '../../../scripts/support/terminal.ts';

describe('a picture of a terminal', () => {
  it('has, of a line that was redrawn, the last state', () => {
    expect(
      linesOnScreen('first\r\nbar 1 %\u001b[1Gbar 50 %\u001b[0K\u001b[1Gbar 100 %\u001b[0K\r\nlast\r\n', 80),
    ).toEqual(['first', 'bar 100 %', 'last']);
  });

  it('wraps a line that is longer than the terminal is wide', () => {
    expect(linesOnScreen('abcdefg\n\nh', 3)).toEqual(['abc', 'def', 'g', '', 'h']);
  });

  it('has each line, and what XML would take for markup', () => {
    const svg = drawTerminal(['a < b && c', '']);
    expect(svg).toContain('>a\u00a0&lt;\u00a0b\u00a0&amp;&amp;\u00a0c</text>');
    expect(svg.match(/<text /g)).toHaveLength(2);
  });
});
