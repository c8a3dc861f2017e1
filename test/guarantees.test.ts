import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';

const ROOT = join(import.meta.dirname, '..');

describe('docs/guarantees.md', () => {
  it('names tests that exist', async () => {
    const text = await readFile(join(ROOT, 'docs', 'guarantees.md'), 'utf8');
    const named = [...text.matchAll(/^- ([\w/-]+): \*(.+)\*$/gm)];
    expect(named.length).toBeGreaterThan(20);
    for (const [, file, name] of named) {
      const tests = await readFile(join(ROOT, 'test', `${file}.test.ts`), 'utf8');
      expect({ file, name, exists: tests.includes(name ?? '') }).toEqual({ file, name, exists: true });
    }
  });
});
