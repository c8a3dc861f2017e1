import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Config, parseConfig } from '../config/config.ts';
import { describeError } from '../errors/describe-error.ts';
import { ConfigurationError } from '../errors/errors.ts';
import { faultCode } from '../errors/faults.ts';

/** Name of the configuration, in the folder of `prisma.config.ts`. */
export const CONFIG = 'rotate-tokens.config.ts';

/**
 * Loads the configuration of a project.
 *
 * @param folder the project's: the one that the command is started in
 *
 * @throws ConfigurationError when there is no such file, or it cannot be loaded
 */
export async function loadConfig(folder = process.cwd()): Promise<Config> {
  const path = join(folder, CONFIG);
  if (!existsSync(path)) {
    throw new ConfigurationError(
      `there is no ${CONFIG} in ${folder}. Start the command in the project's folder, or create one (see the README).`,
    );
  }
  try {
    return parseConfig((await importFile(pathToFileURL(path).href)).default);
  } catch (error) {
    throw new ConfigurationError(`${CONFIG} cannot be used: ${reasonOf(error)}`);
  }
}

let loading: Promise<Config> | undefined;

/** Several targets come from one configuration, and reading it takes a third of a second. */
export function loadConfigOnce(): Promise<Config> {
  loading ??= loadConfig();
  return loading;
}

/**
 * Imports a TypeScript file of the project. Once it is built, this runs without tsx, which such a file still needs.
 *
 * @returns what it exports; of CommonJS, too, which Node hands over wrapped
 */
export async function importFile(url: string): Promise<Record<string, unknown>> {
  if (!import.meta.url.endsWith('.ts')) await readTypeScript();
  const exported = await import(url);
  return exported.default?.__esModule ? exported.default : exported;
}

/** For the rest of the process. tsx can also do it for one import only, but then finds no file behind `export *` of CommonJS. */
async function readTypeScript(): Promise<void> {
  const [modules, commonJs] = await Promise.all([import('tsx/esm/api'), import('tsx/cjs/api')]);
  modules.register();
  commonJs.register();
}

/**
 * The reader's own code failed, so its message helps; a token is in it only if that code has asked the database, and
 * then nothing of the answer is shown.
 */
function reasonOf(error: unknown): string {
  if (isUnwritable(error)) return `${tmpdir()} cannot be written. Set TMPDIR to a folder that can.`;
  if (faultCode(error) !== undefined) return describeError(error);
  const lines = (error instanceof Error ? error.message : String(error)).split('\n');
  // Where the file is not TypeScript, the first line is a title.
  const reason = withoutPassword(lines.slice(0, lines[0]?.endsWith(':') ? 2 : 1).join(' '));
  const isUngenerated = /Cannot find (module|package) .*(generated|prisma)/i.test(reason);
  return isUngenerated ? `${reason}. Run \`npx prisma generate\` first.` : reason;
}

/** tsx keeps what it compiles in a temporary folder. */
function isUnwritable(error: unknown): boolean {
  const { syscall, path } = (error ?? {}) as NodeJS.ErrnoException;
  return syscall === 'mkdir' && path !== undefined && path.startsWith(tmpdir());
}

/** Code that reads DATABASE_URL may quote it in its message. */
function withoutPassword(text: string): string {
  const url = process.env.DATABASE_URL ?? '';
  const password = URL.canParse(url) ? new URL(url).password : '';
  const secrets = [url, password, decoded(password)].filter((secret) => secret !== '');
  return secrets.reduce((shown, secret) => shown.replaceAll(secret, '…'), text);
}

/** A `%` in a password need not begin an escape. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
