import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type EmbeddedServer, startEmbeddedServer } from '../support/embedded-server.ts';
import { output } from '../support/output.ts';
import { openTicketDatabase } from '../support/ticket-database.ts';
import { MANAGERS, PRISMA_FILES, PROJECTS, type Project } from './projects.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const ROWS = 1_000;
/** The packed package, in each project, as README tells to install it. */
const TARBALL = 'rotate-tokens.tgz';

/**
 * Packs this package, installs it into a new project of each form, checks its configuration with the compiler, and rotates
 * the tokens of a table there.
 *
 * @param names of `PROJECTS`
 * @returns for each of them its name, and "passed", or what failed and what that printed
 */
export async function* rotateInProjects(names: readonly string[]): AsyncGenerator<string> {
  if (names.length === 0) return;
  const folder = await mkdtemp(join(tmpdir(), 'compat-projects-'));
  const server = await startEmbeddedServer();
  try {
    await execute(['npm', 'pack', '--loglevel', 'error', '--pack-destination', folder], ROOT);
    const [tarball = ''] = await readdir(folder);
    for (const [index, name] of names.entries()) {
      const project = PROJECTS[name];
      if (project === undefined) continue;
      const home = join(folder, `project-${index}`);
      yield `${name}: ${await rotateIn(project, home, join(folder, tarball), server, `project_${index}`)}`;
      await rm(home, { recursive: true });
    }
  } finally {
    await server.stop();
    await rm(folder, { recursive: true });
  }
}

/** @returns "passed", or what failed */
async function rotateIn(project: Project, home: string, tarball: string, server: EmbeddedServer, database: string) {
  const url = server.url(database);
  const admin = openTicketDatabase(server.url('postgres'), { connections: 1 });
  try {
    await admin.$executeRawUnsafe(`CREATE DATABASE ${database}`);
    await writeProject(project, home, tarball);
    await install(project, home, url);
    await rotate(project, join(home, project.folder ?? ''), url);
    return 'passed';
  } catch (error) {
    return `failed: ${error instanceof Error ? error.message : error}`;
  } finally {
    await admin.$disconnect();
  }
}

async function writeProject({ files, folder = '', prisma = '' }: Project, home: string, tarball: string) {
  const shared = Object.entries(PRISMA_FILES).map(([path, text]): [string, string] => [join(prisma, path), text]);
  for (const [path, text] of [...shared, ...Object.entries(files)]) {
    await mkdir(dirname(join(home, path)), { recursive: true });
    await writeFile(join(home, path), text);
  }
  await cp(tarball, join(home, folder, TARBALL));
}

async function install({ manager, packages = [], folder = '', prisma = '' }: Project, home: string, url: string) {
  const { add } = MANAGERS[manager];
  const own = [`./${TARBALL}`, '@prisma/client@^7.10.0', 'prisma@^7.10.0', 'typescript@5', '@types/node@20'];
  if (prisma !== '') await execute([...add.slice(0, -1), 'install'], join(home, prisma));
  await execute([...add, ...own, ...packages], join(home, folder));
  for (const args of [['generate'], ['migrate', 'deploy']])
    await program(manager, ['prisma', ...args], join(home, prisma), url);
}

async function rotate({ manager, init }: Project, folder: string, url: string) {
  const database = openTicketDatabase(url, { connections: 1 });
  try {
    await database.$executeRaw`
      INSERT INTO "ApiKey" (token) SELECT 'leaked_' || n FROM generate_series(1, ${ROWS}::int) AS n`;
    await program(manager, ['rotate-tokens', 'init', ...(init ?? [])], folder, url);
    await program(manager, ['tsc'], folder, url);
    const said = await program(manager, ['rotate-tokens', '--target', 'apiKey', '--name', 'leak'], folder, url);
    const [left] = await database.$queryRaw<{ leaked: number; rows: number }[]>`
      SELECT count(*) FILTER (WHERE token LIKE 'leaked%')::int AS leaked, count(DISTINCT token)::int AS rows FROM "ApiKey"`;
    if (left?.leaked !== 0 || left.rows !== ROWS) throw new Error(`the table holds ${JSON.stringify(left)}:\n${said}`);
  } finally {
    await database.$disconnect();
  }
}

/** Runs a program of an installed package. */
function program(manager: Project['manager'], args: string[], folder: string, url: string): Promise<string> {
  return execute([...MANAGERS[manager].run, ...args], folder, {
    DATABASE_URL: url,
    PRISMA_SCHEMA_ENGINE_BINARY: join(ROOT, 'prisma', 'schema-engine.mjs'),
  });
}

function execute([name = '', ...args]: string[], cwd: string, environment: Record<string, string> = {}) {
  return output(name, args, { cwd, env: { ...process.env, ...environment } });
}
