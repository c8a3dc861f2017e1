import { mkdir, mkdtemp, readdir, readFile, rm, rmdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { checkReportPath, writeReport } from '../../../scripts/report/write-report.ts';
import { ConfigurationError, reportSchema } from '../../../src/index.ts';
import { sampleReport } from './sample.ts';

describe('the file of a report', () => {
  let folder: string;
  const inFolder = (name: string) => join(folder, name);

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rotate-tokens-report-test-'));
  });
  afterEach(async () => {
    for (const name of await readdir(folder)) await rm(inFolder(name), { recursive: true });
    await rmdir(folder);
  });

  it.each(['report.html', 'report.json', 'REPORT.HTML'])(
    'may be called %s, and leaves no trace of the check',
    async (name) => {
      await checkReportPath(inFolder(name));
      expect(await readdir(folder)).toEqual([]);
    },
  );

  it('may be there already, and is left alone by the check', async () => {
    await writeFile(inFolder('report.json'), 'old');
    await checkReportPath(inFolder('report.json'));
    expect(await readFile(inFolder('report.json'), 'utf8')).toBe('old');
  });

  it.each([
    ['has another ending', 'report.txt', /^--report has to end with \.html or \.json$/],
    ['has no ending', 'html', /^--report has to end with/],
    [
      'is in a folder that is not there',
      'missing/report.html',
      /^--report cannot be written: ENOENT: no such file or directory in .*missing$/,
    ],
    ['is in a file', 'file/report.html', /^--report cannot be written: ENOTDIR: not a directory in .*file$/],
    ['is a folder', 'folder.html', /^--report cannot be written: .*folder\.html is not a file$/],
    [
      'has a name that is too long',
      `${'x'.repeat(250)}.html`,
      /^--report cannot be written: ENAMETOOLONG: name too long in /,
    ],
  ])('is refused before anything is rotated when it %s', async (_, name, message) => {
    await writeFile(inFolder('file'), '');
    await mkdir(inFolder('folder.html'));
    const refusal = await checkReportPath(inFolder(name)).catch((error) => error);
    expect(refusal).toBeInstanceOf(ConfigurationError);
    expect(refusal.message).toMatch(message);
  });

  it('is what was asked for, as a whole, in place of the one before', async () => {
    await writeFile(inFolder('report.json'), 'old');
    await writeReport(inFolder('report.json'), sampleReport());
    await writeReport(inFolder('report.html'), sampleReport());
    expect((await readdir(folder)).sort()).toEqual(['report.html', 'report.json']);
    expect(await readFile(inFolder('report.html'), 'utf8')).toMatch(/^<!doctype html>/);
    const read = reportSchema.parse(JSON.parse(await readFile(inFolder('report.json'), 'utf8')));
    expect(read).toEqual(sampleReport());
  });

  it('that cannot be written leaves the one before, and nothing else', async () => {
    await mkdir(inFolder('report.json'));
    await expect(writeReport(inFolder('report.json'), sampleReport())).rejects.toThrow(
      /^the report could not be written to .*report\.json: E[A-Z]+: [a-z ]+$/,
    );
    expect(await readdir(folder)).toEqual(['report.json']);
  });
});
