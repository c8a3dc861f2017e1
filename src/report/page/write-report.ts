import { randomBytes } from 'node:crypto';
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { ConfigurationError } from '../../errors/errors.ts';
import { printableJson } from '../../text/printable.ts';

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
 * @param renderHtml makes the page of it, where the path asks for one
 * @throws ConfigurationError when the disk does not take it; what the report is about has happened all the same
 */
export async function writeReport(path: string, report: object, renderHtml: () => Promise<string>): Promise<void> {
  const text = isHtml(path) ? await renderHtml() : `${printableJson(report, 2)}\n`;
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

/** In the same folder, so that it can be renamed, under a name that cannot be guessed and taken first. */
function temporaryPath(path: string): string {
  return join(dirname(path), `.${basename(path)}.${randomBytes(8).toString('hex')}.tmp`);
}

export function isHtml(path: string): boolean {
  return extname(path).toLowerCase() === '.html';
}

function isJson(path: string): boolean {
  return extname(path).toLowerCase() === '.json';
}

/** `EACCES: permission denied` of Node's `Error: EACCES: permission denied, open '…'`. */
function reasonOf(error: unknown): string {
  return /\bE[A-Z\d]+: [^,]+/.exec(String(error))?.[0] ?? 'an unknown fault';
}
