import { readFile } from 'node:fs/promises';
import { ConfigurationError } from '../errors/errors.ts';

const NAME = /^[A-Za-z_]\w*$/;

/**
 * @param path of a file with a name of an environment variable per line; blank lines and those with # are left out
 * @returns the names, in order
 * @throws ConfigurationError when it cannot be read, or a line is no name; what the line says, a URL perhaps, is not repeated
 */
export async function databasesIn(path: string): Promise<string[]> {
  const text = await readFile(path, 'utf8').catch(() => {
    throw new ConfigurationError(`--databases: ${path} cannot be read.`);
  });
  const lines = text.split('\n').map((line) => line.trim());
  const wrong = lines.findIndex((line) => line !== '' && !line.startsWith('#') && !NAME.test(line));
  if (wrong >= 0) {
    throw new ConfigurationError(
      `--databases: line ${wrong + 1} of ${path} is not the name of an environment variable. Put the URL into a variable, and its name here.`,
    );
  }
  const names = lines.filter((line) => NAME.test(line));
  if (names.length === 0) throw new ConfigurationError(`--databases: ${path} names no environment variable.`);
  return names;
}
