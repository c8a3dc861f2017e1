import { randomBytes } from 'node:crypto';
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, extname, join } from 'node:path';
import { ConfigurationError } from '../../errors/errors.ts';
import { printableJson } from '../../text/printable.ts';
import type { Report } from '../schema.ts';

/**
 * Makes sure that a report can be written, before there is anything to report.
 *
 * @param path ends with `.html` or `.json`; a file that is there will be replaced
 * @throws ConfigurationError when it ends otherwise, or nothing can be written there
 */
export async function checkReportPath(path: string): Promise<void> {
  if (!isHtml(path) && !isJson(path)) throw new ConfigurationError('--report must end with .html or .json');
  const there = await stat(path).catch(() => undefined);
  if (there && !there.isFile()) throw new ConfigurationError(`--report cannot be written: ${path} is not a file`);
  const temporary = temporaryPath(path);
  try {
    await (await openNew(temporary)).close();
    await rm(temporary);
  } catch (error) {
    throw new ConfigurationError(`--report cannot be written: ${reasonOf(error)} in ${dirname(path)}`);
  }
}

/**
 * Writes a report as a whole, readable by its owner only: whoever looks at the file finds the one before or this one,
 * never a part of it.
 *
 * @throws ConfigurationError when the disk does not take it; what the report is about has happened all the same
 */
export async function writeReport(path: string, report: Report): Promise<void> {
  const text = isHtml(path) ? await renderLazily(report) : `${printableJson(report, 2)}\n`;
  try {
    await replace(path, text);
  } catch (error) {
    throw new ConfigurationError(`the report could not be written to ${path}: ${reasonOf(error)}`);
  }
}

/** Leaves nothing behind when it fails, and touches no file that is not its own. */
async function replace(path: string, text: string): Promise<void> {
  const temporary = temporaryPath(path);
  const file = await openNew(temporary);
  try {
    await file
      .writeFile(text)
      .then(() => file.sync())
      .finally(() => file.close());
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw error;
  }
}

/** Opens a file of this process's own: one that is there already, or a link, is refused and not followed. */
function openNew(path: string): Promise<FileHandle> {
  return open(path, 'wx', 0o600);
}

/** Loads what only a page needs. The charts' library takes 62 MB and a second, so it is optional. */
async function renderLazily(report: Report): Promise<string> {
  const { renderHtml } = await import('./html.ts');
  if (!isInstalled(CHART_LIBRARY)) return renderHtml(report, null);
  const { drawCharts } = await import('./charts.ts');
  return renderHtml(report, drawCharts(report));
}

const CHART_LIBRARY = 'echarts';

/** @returns true if a report to this path will lack its charts, because their library is not installed */
export function lacksCharts(path: string): boolean {
  return isHtml(path) && !isInstalled(CHART_LIBRARY);
}

function isInstalled(library: string): boolean {
  try {
    createRequire(import.meta.url).resolve(library);
    return true;
  } catch {
    return false;
  }
}

/** In the same folder, so that it can be renamed, under a name that cannot be guessed and taken first. */
function temporaryPath(path: string): string {
  return join(dirname(path), `.${basename(path)}.${randomBytes(8).toString('hex')}.tmp`);
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
