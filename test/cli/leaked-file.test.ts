import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openLeakedFile } from '../../src/cli/leaked-file.ts';

describe('a list that is read several times', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rotate-tokens-list-'));
    await writeFile(join(folder, 'leaked.txt'), 'one\ntwo\n');
  });
  afterAll(() => rm(folder, { recursive: true }));
  const open = (file: string, signal = new AbortController().signal) =>
    openLeakedFile({ file, options: { format: 'plain' }, allowUnreadable: 0, allowsOtherForm: false }, signal);

  it('has a SHA-256, as sha256sum prints it, and the same entries each time', async () => {
    const list = await open(join(folder, 'leaked.txt'));
    expect(list.sha256).toBe(createHash('sha256').update('one\ntwo\n').digest('hex'));
    for (const reading of [list.read(), list.read()]) {
      const chunks = [];
      for await (const { entries } of reading) chunks.push(entries.map(({ text }) => text));
      expect(chunks).toEqual([['one', 'two']]);
    }
  });

  it('cannot be standard input, nor a file that is not there', async () => {
    await expect(open('-')).rejects.toThrow('--only needs a file');
    await expect(open(join(folder, 'other.txt'))).rejects.toThrow(
      'the leaked list cannot be read: there is no such file.',
    );
  });

  it('is not called unreadable when a signal has ended the reading', async () => {
    await expect(open(join(folder, 'leaked.txt'), AbortSignal.abort())).rejects.toMatchObject({ name: 'AbortError' });
  });
});
