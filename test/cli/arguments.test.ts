import { describe, expect, it } from '@jest/globals';
import { runRotation } from '../support/command.ts';

describe('the help of each command', () => {
  it.each(['init', 'verify', 'report'])(
    'fills its lines, and begins a new one only where the next word does not fit: %s',
    async (command) => {
      const { exitCode, stdout } = await runRotation([command, '--help'], undefined);
      expect(exitCode).toBe(0);
      const [, description = ''] = stdout.split('\n\n');
      const lines = description.split('\n');
      expect(lines[0]).toMatch(/\w/);
      for (const [index, line] of lines.slice(0, -1).entries()) {
        const [next = ''] = (lines[index + 1] ?? '').split(' ');
        expect(`${line} ${next}`.length).toBeGreaterThan(99);
      }
    },
  );
});
