import { open, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { ConfigurationError, type Report } from '../../src/index.ts';

/**
 * Makes sure that a report can be written, before there is anything to report.
 *
 * @param path ends with `.html` or `.json`; a file that is there will be replaced
 * @throws ConfigurationError when it ends otherwise, or nothing can be written there
 */
export async function checkReportPath(path: string): Promise<void> {
  if (!isHtml(path) && !isJson(path)) throw new ConfigurationError('--report has to end with .html or .json');
  const there = await stat(path).catch(() => undefined);
  if (there && !there.isFile()) throw new ConfigurationError(`--report cannot be written: ${path} is not a file`);
  try {
    await (await open(temporary(path), 'w')).close();
    await rm(temporary(path));
  } catch (error) {
    throw new ConfigurationError(`--report cannot be written: ${reasonOf(error)} in ${dirname(path)}`);
  }
}

/**
 * Writes a report as a whole: whoever looks at the file finds the one before or this one, never a part of it.
 *
 * @throws ConfigurationError when the disk does not take it; what the report is about has happened all the same
 */
export async function writeReport(path: string, report: Report): Promise<void> {
  const text = isHtml(path) ? await renderLazily(report) : `${JSON.stringify(report, null, 2)}\n`;
  try {
    const file = await open(temporary(path), 'w');
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary(path), path);
  } catch (error) {
    await rm(temporary(path), { force: true }).catch(() => {});
    throw new ConfigurationError(`the report could not be written to ${path}: ${reasonOf(error)}`);
  }
}

/** The charts' library takes 60 MB and a second or two: only those pay for it who get a page. */
async function renderLazily(report: Report): Promise<string> {
  const { renderHtml } = await import('./html.ts');
  return renderHtml(report);
}

/** In the same folder, so that it can be renamed; of this process, so that two don't write to the same. */
function temporary(path: string): string {
  return join(dirname(path), `.${basename(path)}.${process.pid}.tmp`);
}

function isHtml(path: string): boolean {
  return extname(path).toLowerCase() === '.html';
}

function isJson(path: string): boolean {
  return extname(path).toLowerCase() === '.json';
}

/** `EACCES: permission denied` of Node's `Error: EACCES: permission denied, open '…'`. */
function reasonOf(error: unknown): string {
  return /\bE[A-Z\d]+: [^,]+/.exec(String(error))?.[0] ?? 'an unknown fault';
}
