import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { ConfigurationError } from '../../errors/errors.ts';

/** Where Prisma looks for a schema. */
const PLACES = ['prisma', 'schema.prisma'];

/** The block of a schema that says where the client is generated, and what it says. */
const GENERATOR = /^generator\s+\w+\s*\{([^}]*)\}/gm;
const OUTPUT = /^\s*output\s*=\s*"([^"]+)"/m;
const PROVIDER = /^\s*provider\s*=\s*"(prisma-client(?:-js)?)"/m;

/** What each generator writes the client into. */
const FILES: Record<string, string> = { 'prisma-client': 'client.ts', 'prisma-client-js': 'index.js' };

/**
 * Finds the generated client of a project by what its Prisma schema says.
 *
 * @param folder the project's
 * @returns what to import: a path in the project that begins with a dot, or `@prisma/client`
 * @throws ConfigurationError when there is none
 */
export async function findClient(folder: string): Promise<string> {
  const schemas = (await Promise.all(PLACES.map((place) => schemasAt(join(folder, place))))).flat();
  for (const path of schemas) {
    const blocks = [...(await readFile(path, 'utf8')).matchAll(GENERATOR)].map(([, block = '']) => block);
    const block = blocks.find((text) => PROVIDER.test(text));
    if (block === undefined) continue;
    const [, provider = ''] = PROVIDER.exec(block) ?? [];
    const [, output] = OUTPUT.exec(block) ?? [];
    if (output === undefined) return '@prisma/client';
    const client = join(dirname(path), output, FILES[provider] ?? 'client.ts');
    if (!existsSync(client)) {
      throw new ConfigurationError(`there is no ${relative(folder, client)}. Run \`npx prisma generate\` first.`);
    }
    return `./${relative(folder, await importable(client))}`;
  }
  throw new ConfigurationError(
    'no Prisma schema with a client was found in prisma/ or schema.prisma. Name the generated client with --client.',
  );
}

/** Prisma finds out which file extension the project's compiler wants in an import, and writes its own imports so. */
async function importable(client: string): Promise<string> {
  if (!client.endsWith('.ts')) return client;
  const found = /from ['"]\.\/enums(\.[a-z]+)?['"]/.exec(await readFile(client, 'utf8'));
  return found === null ? client : client.replace(/\.ts$/, found[1] ?? '');
}

/** @returns the paths of schema files: the one that this is, or those in the folder that this is */
async function schemasAt(path: string): Promise<string[]> {
  if (!existsSync(path)) return [];
  if (path.endsWith('.prisma')) return [path];
  const names = await readdir(path, { recursive: true });
  return names.filter((name) => name.endsWith('.prisma')).map((name) => join(path, name));
}
