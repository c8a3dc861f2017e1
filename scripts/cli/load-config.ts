import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Config, ConfigurationError, parseConfig } from '../../src/index.ts';

/** Where `prisma.config.ts` is, too. */
const CONFIG = 'rotate-tokens.config.ts';

/**
 * Loads what a project says about its targets.
 *
 * @param folder the project's: the one that the command is started in
 *
 * @throws ConfigurationError when there is no such file, or it cannot be loaded
 */
export async function loadConfig(folder = process.cwd()): Promise<Config> {
  const path = join(folder, CONFIG);
  if (!existsSync(path)) {
    throw new ConfigurationError(
      `there is no ${CONFIG} in ${folder}. Start the command in the project's folder, or write one (see the README).`,
    );
  }
  try {
    const { default: exported } = await importFile(pathToFileURL(path).href);
    // Where the project is CommonJS, what it exports comes wrapped.
    return parseConfig(exported?.__esModule ? exported.default : exported);
  } catch (error) {
    throw new ConfigurationError(`${CONFIG} cannot be used: ${reasonOf(error)}`);
  }
}

/** Once it is built, this runs without tsx, which the project's TypeScript still needs. */
async function importFile(url: string): Promise<{ default?: { __esModule?: true; default?: unknown } }> {
  if (import.meta.url.endsWith('.ts')) return import(url);
  const { tsImport } = await import('tsx/esm/api');
  return tsImport(url, import.meta.url);
}

/** It is the reader's own code that failed, before any row was read: its message helps, and has no token in it. */
function reasonOf(error: unknown): string {
  const lines = (error instanceof Error ? error.message : String(error)).split('\n');
  // Where the file is not TypeScript, the first line is a title.
  const reason = lines.slice(0, lines[0]?.endsWith(':') ? 2 : 1).join(' ');
  const isUngenerated = reason.includes('Cannot find module') && reason.includes('generated');
  return isUngenerated ? `${reason}. Run \`npx prisma generate\` first.` : reason;
}
