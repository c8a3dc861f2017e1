import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { type Ended, type Running, start } from './command.ts';

const ROOT = join(import.meta.dirname, '..', '..');

/** Another project, in a folder of its own, that has this package installed as it would come from a registry. */
export interface Shop {
  folder: string;
  /** Runs `npx rotate-tokens` in it, without npx in between. */
  rotateTokens(args: string[], databaseUrl: string, input?: Readable): Running;
  /** Runs `npx prisma` in it. */
  prisma(args: string[], databaseUrl: string): Promise<Ended>;
  /** Generates its client and applies its migrations. */
  migrate(databaseUrl: string): Promise<void>;
  remove(): Promise<void>;
}

/** Packs this package, and installs it into a copy of `examples/shop`. */
export async function installShop(): Promise<Shop> {
  const folder = await mkdtemp(join(tmpdir(), 'shop-'));
  await cp(join(ROOT, 'examples', 'shop'), folder, {
    recursive: true,
    filter: (path) => !path.endsWith(join('shop', 'generated')),
  });
  await installPackages(folder);
  const environment = { PRISMA_SCHEMA_ENGINE_BINARY: join(ROOT, 'prisma', 'schema-engine.mjs') };
  const run = (args: string[], databaseUrl: string, input?: Readable) =>
    start(args, databaseUrl, environment, input, folder);
  const prisma = (args: string[], databaseUrl: string) =>
    run(['node_modules/prisma/build/index.js', ...args], databaseUrl).ended;
  return {
    folder,
    rotateTokens: (args, databaseUrl, input) =>
      run(['node_modules/rotate-tokens/bin/rotate-tokens.js', ...args], databaseUrl, input),
    prisma,
    async migrate(databaseUrl) {
      for (const args of [['generate'], ['migrate', 'deploy']]) {
        const { exitCode, stderr } = await prisma(args, databaseUrl);
        if (exitCode !== 0) throw new Error(`prisma ${args.join(' ')} failed:\n${stderr}`);
      }
    },
    remove: () => rm(folder, { recursive: true }),
  };
}

/**
 * Links all other packages to those of this repository, so that nothing must be downloaded, except the optional library
 * of charts.
 */
async function installPackages(folder: string): Promise<void> {
  const packages = join(folder, 'node_modules');
  await mkdir(join(packages, 'rotate-tokens'), { recursive: true });
  for (const name of await readdir(join(ROOT, 'node_modules'))) {
    if (name === 'echarts') continue;
    await symlink(join(ROOT, 'node_modules', name), join(packages, name));
  }
  // Without the scripts that npm would run before: they would empty dist, which other tests are using.
  await execute('npm', ['pack', '--ignore-scripts', '--loglevel', 'error', '--pack-destination', folder], ROOT);
  const [tarball = ''] = (await readdir(folder)).filter((name) => name.endsWith('.tgz'));
  await execute('tar', ['-xzf', tarball, '--strip-components', '1', '-C', join(packages, 'rotate-tokens')], folder);
}

async function execute(command: string, args: string[], cwd: string): Promise<void> {
  const [exitCode] = await once(spawn(command, args, { cwd, stdio: ['ignore', 'ignore', 'inherit'] }), 'close');
  if (exitCode !== 0) throw new Error(`${command} ${args[0]} ended with ${exitCode}`);
}
