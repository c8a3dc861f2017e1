import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Config, ConfigurationError, parseConfig } from '../../src/index.ts';

/** In the folder that the command is started in, as `prisma.config.ts` is. */
const CONFIG = 'rotate-tokens.config.ts';

/**
 * Loads what a project says about its targets.
 *
 * @throws ConfigurationError when there is no such file, or it cannot be loaded
 */
export async function loadConfig(): Promise<Config> {
  const path = join(process.cwd(), CONFIG);
  if (!existsSync(path)) {
    throw new ConfigurationError(
      `there is no ${CONFIG} in ${process.cwd()}: start the command in the project's folder.`,
    );
  }
  try {
    const { default: exported } = await import(pathToFileURL(path).href);
    return parseConfig(exported);
  } catch (error) {
    throw new ConfigurationError(`${CONFIG} cannot be used: ${reasonOf(error)}`);
  }
}

/** It is the reader's own code that failed, before any row was read: its message helps, and has no token in it. */
function reasonOf(error: unknown): string {
  const [firstLine = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
  const isUngenerated = firstLine.includes('Cannot find module') && firstLine.includes('generated');
  return isUngenerated ? `${firstLine} Run \`npx prisma generate\` first.` : firstLine;
}
