import { describe, expect, it } from '@jest/globals';
import { runScript } from '../support/command.ts';

describe('npm run chaos', () => {
  it('finds every row rotated exactly once and no write of the application lost', async () => {
    const { exitCode, stdout, stderr } = await runScript('scripts/chaos.ts', [
      ...['--seconds', '15', '--seed', '1', '--size', '10000', '--processes', '2'],
    ]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(stdout).toContain('each rotated exactly once');
    // Which of them fall into so short a time is up to the machine.
    expect(stdout).toMatch(/\d+ {2}(?:process killed|process stopped|connection cut) /);
    expect(stdout).toContain('Nothing lost, nothing rotated twice. Repeat with --seed 1.');
  });
});
