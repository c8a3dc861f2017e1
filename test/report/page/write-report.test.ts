import { chmod, mkdir, mkdtemp, readdir, readFile, rm, rmdir, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ConfigurationError, type Report, reportSchema } from '../../../src/index.ts';
import { renderHtml } from '../../../src/report/page/html.ts';
import { checkReportPath, writeReport } from '../../../src/report/page/write-report.ts';
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
    ['has another ending', 'report.txt', /^--report must end with \.html or \.json$/],
    ['has no ending', 'html', /^--report must end with/],
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

  const write = (path: string, report: Report) => writeReport(path, report, async () => renderHtml(report, []));

  it('is what was asked for, as a whole, in place of the one before', async () => {
    await writeFile(inFolder('report.json'), 'old');
    await write(inFolder('report.json'), sampleReport());
    await write(inFolder('report.html'), sampleReport());
    expect((await readdir(folder)).sort()).toEqual(['report.html', 'report.json']);
    expect(await readFile(inFolder('report.html'), 'utf8')).toMatch(/^<!doctype html>/);
    const read = reportSchema.parse(JSON.parse(await readFile(inFolder('report.json'), 'utf8')));
    expect(read).toEqual(sampleReport());
  });

  it('can be read by its owner only, also where another one was there that all could read', async () => {
    await writeFile(inFolder('report.json'), 'old');
    await chmod(inFolder('report.json'), 0o666);
    for (const name of ['report.json', 'report.html']) {
      await write(inFolder(name), sampleReport());
      expect((await stat(inFolder(name))).mode & 0o777).toBe(0o600);
    }
  });

  it('replaces a link, and does not write to what it leads to', async () => {
    await writeFile(inFolder('victim'), 'precious');
    await symlink(inFolder('victim'), inFolder('report.json'));
    await checkReportPath(inFolder('report.json'));
    await write(inFolder('report.json'), sampleReport());
    expect(await readFile(inFolder('victim'), 'utf8')).toBe('precious');
    expect(await readFile(inFolder('report.json'), 'utf8')).toMatch(/^\{/);
  });

  it('is written through no name that somebody else could know and take first', async () => {
    await writeFile(inFolder('victim'), 'precious');
    for (const end of ['', '.tmp', `.${process.pid}`, `.${process.pid}.tmp`]) {
      await symlink(inFolder('victim'), inFolder(`.report.json${end}`));
    }
    await checkReportPath(inFolder('report.json'));
    await write(inFolder('report.json'), sampleReport());
    expect(await readFile(inFolder('victim'), 'utf8')).toBe('precious');
    expect(await readdir(folder)).toHaveLength(6);
  });

  it('shows nothing unprintable that comes from the database', async () => {
    const key = '\x1b[2J\x9b\u202eyek\n';
    const report = { ...sampleReport(), rowsSetAside: 1, setAside: [{ key, fault: '55P03' }] };
    for (const name of ['report.json', 'report.html']) {
      await write(inFolder(name), report);
      expect(await readFile(inFolder(name), 'utf8')).not.toMatch(/[^\P{Cc}\n]|\u202e/u);
    }
    const read = reportSchema.parse(JSON.parse(await readFile(inFolder('report.json'), 'utf8')));
    expect(read.setAside).toEqual([{ key, fault: '55P03' }]);
  });

  it('that cannot be written leaves the one before, and nothing else', async () => {
    await mkdir(inFolder('report.json'));
    await expect(write(inFolder('report.json'), sampleReport())).rejects.toThrow(
      /^the report could not be written to .*report\.json: E[A-Z]+: [a-z ]+$/,
    );
    expect(await readdir(folder)).toEqual(['report.json']);
  });
});
