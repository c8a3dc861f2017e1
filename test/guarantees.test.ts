import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';

const ROOT = join(import.meta.dirname, '..');

describe.each(['guarantees.md', 'guarantees-online.md'])('docs/%s', (page) => {
  it('names tests that exist', async () => {
    const text = await readFile(join(ROOT, 'docs', page), 'utf8');
    const named = [...text.matchAll(/^- ([\w/-]+): \*(.+)\*$/gm)];
    expect(named.length).toBeGreaterThan(20);
    for (const [, file, name] of named) {
      const tests = await readFile(join(ROOT, 'test', `${file}.test.ts`), 'utf8');
      expect({ file, name, exists: tests.includes(name ?? '') }).toEqual({ file, name, exists: true });
    }
  });

  it('names functions and constants where they are', async () => {
    const text = await readFile(join(ROOT, 'docs', page), 'utf8');
    const named = [...text.matchAll(/`(\w+)`\s+in\s+`(src\/[\w/.-]+)`/g)];
    expect(named.length).toBeGreaterThan(2);
    for (const [, name, file = ''] of named) {
      const code = await readFile(join(ROOT, file), 'utf8');
      expect({ file, name, exists: new RegExp(`(?:function|const) ${name}\\b`).test(code) }).toEqual({
        file,
        name,
        exists: true,
      });
    }
  });
});
