import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod';
import { commandLine } from '../src/cli/arguments.ts';
import { exitCodeOfError } from '../src/cli/exit-code.ts';
import { parse } from '../src/config/parse.ts';
import { rotateInProjects } from './compat/in-projects.ts';
import { PROJECTS } from './compat/projects.ts';
import { EMBEDDED_POSTGRES, POSTGRES_PACKAGE } from './support/embedded-server.ts';

const USAGE = `npm run compat -- [options]

Runs the core of the tests on other versions of PostgreSQL and Node, which npm provides: rotate, kill and resume, verify,
status, report, and the package installed in another project. Takes about six minutes for each version. Then installs the
package into new projects of other forms, and rotates a table in each: about one minute each.`;

const ROOT = join(import.meta.dirname, '..');

/** The newest of each major version on npm. */
const POSTGRES: Record<string, string> = {
  14: '14.23.0-beta.17',
  15: '15.18.0-beta.17',
  16: '16.14.0-beta.17',
  17: '17.10.0-beta.17',
};

const NODE = ['22', '24'];

/** The core of the tests, by the configuration of Jest that has them. */
const CORE = {
  'jest.config.js': ['test/condemned', 'test/config/scope', 'test/plan', 'test/rotate', 'test/verify'],
  'jest.e2e.config.js': ['rotate-tokens', 'shop', 'verify', 'status', 'report'].map((name) => `test/e2e/${name}`),
};

const ALL = { postgres: Object.keys(POSTGRES), node: NODE, project: Object.keys(PROJECTS) };

/** The test commands of package.json. */
const TESTS = Object.entries(CORE).map(([config, tests]) => [
  ...['--import', 'tsx', '--experimental-vm-modules', '--disable-warning=ExperimentalWarning'],
  ...['node_modules/jest/bin/jest.js', '--config', config, ...tests],
]);

const some = (names: string[]) => z.array(z.enum(names, `must be of ${names.join(', ')}`)).default([]);

const optionsSchema = z.object({
  postgres: some(ALL.postgres),
  node: some(ALL.node),
  project: some(ALL.project),
});

process.exitCode = await main(process.argv.slice(2));

async function main(args: string[]): Promise<number> {
  try {
    const options = await commandLine(args, USAGE)
      .option('postgres', { describe: 'Only these versions of PostgreSQL', type: 'array', string: true })
      .option('node', { describe: 'Only these versions of Node', type: 'array', string: true })
      .option('project', { describe: 'Only these forms of a project', type: 'array', string: true })
      .parseAsync();
    const only = parse(optionsSchema, options, (field) => `--${field}`);
    const isAll = Object.values(only).every((chosen) => chosen.length === 0);
    const { postgres, node, project } = isAll ? ALL : only;
    const results: string[] = [];
    const came = (result: string) => {
      process.stdout.write(`\n${result}\n`);
      results.push(result);
    };
    for (const major of postgres) came(`PostgreSQL ${major}: ${await onPostgres(POSTGRES[major] ?? '')}`);
    for (const major of node) came(`Node ${major}: ${await onNode(major)}`);
    for await (const result of rotateInProjects(project)) came(`Project ${result}`);
    process.stdout.write(`\n${results.join('\n')}\n`);
    return results.every((result) => result.endsWith(': passed')) ? 0 : 1;
  } catch (error) {
    process.stderr.write(`compat: ${error instanceof Error ? error.message : error}\n`);
    return exitCodeOfError(error);
  }
}

async function onPostgres(version: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'compat-'));
  try {
    const install = ['install', '--no-save', '--prefix', folder, `${POSTGRES_PACKAGE}@${version}`];
    if ((await run('npm', install)) !== 0) return 'not installed';
    const installed = join(folder, 'node_modules', POSTGRES_PACKAGE);
    // npm may run no script of a package that nobody has approved.
    await run(process.execPath, [join('scripts', 'hydrate-symlinks.js')], { cwd: installed });
    const environment = { [EMBEDDED_POSTGRES]: join(installed, 'native') };
    return await runTests((test) => run(process.execPath, test, { environment }));
  } finally {
    await rm(folder, { recursive: true });
  }
}

function onNode(major: string): Promise<string> {
  return runTests((test) => run('npx', ['--yes', '--package', `node@${major}`, '--', 'node', ...test]));
}

/** @param runOne runs one of the commands, and returns its exit code */
async function runTests(runOne: (test: string[]) => Promise<number>): Promise<'passed' | 'failed'> {
  const exitCodes: number[] = [];
  for (const test of TESTS) exitCodes.push(await runOne(test));
  return exitCodes.every((code) => code === 0) ? 'passed' : 'failed';
}

async function run(
  command: string,
  args: string[],
  { cwd = ROOT, environment = {} }: { cwd?: string; environment?: Record<string, string> } = {},
): Promise<number> {
  const child = spawn(command, args, { cwd, stdio: 'inherit', env: { ...process.env, ...environment } });
  const [exitCode] = await once(child, 'close');
  return exitCode ?? 1;
}
