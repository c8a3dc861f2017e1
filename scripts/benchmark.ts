import { mkdir, writeFile } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod';
import { commandLine } from '../src/cli/arguments.ts';
import { exitCodeOfError, exitCodeOfSignal } from '../src/cli/exit-code.ts';
import { parse } from '../src/config/parse.ts';
import { formatCount } from '../src/text/format.ts';
import { contenders, everyWay, fixedBatchSizes, growingWorkers, seeders } from './benchmark/candidates.ts';
import { drawCharts } from './benchmark/charts.ts';
import { type Bench, clear, measureAll } from './benchmark/measure.ts';
import type { BenchmarkResults, Measurement } from './benchmark/measurement.ts';
import { writeReport } from './benchmark/report.ts';
import { LONGEST_STATEMENT_MS } from './benchmark/strategies.ts';
import { PRISMA, runCommand } from './support/commands.ts';
import { startEmbeddedServer } from './support/embedded-server.ts';
import { openTicketDatabase, type TicketDatabase } from './support/ticket-database.ts';

const USAGE = `npm run bench -- [options]

Measures this package against the other ways of doing the same, on one embedded server in one go, and writes
docs/benchmarks. Takes about half an hour; the machine should have nothing else to do.`;

const ROOT = join(import.meta.dirname, '..');
const FOLDER = join(ROOT, 'docs', 'benchmarks');
const GROUPS = ['strategies', 'batchSizes', 'workers', 'sizes', 'seeding'] as const;

/** Usual settings for a server of this size. PostgreSQL's defaults are for a much smaller one. */
const SERVER_SETTINGS = { shared_buffers: '1GB', max_wal_size: '4GB' };

const optionsSchema = z.object({
  rows: z.int('must be a whole number of rows').min(1_000, 'must be at least 1000'),
  'largest-table': z.int('must be a whole number of rows').min(1_000, 'must be at least 1000'),
  repeat: z.int('must be a whole number of runs').min(1, 'must be at least 1'),
  only: z.array(z.string()),
});
type Options = z.output<typeof optionsSchema>;

process.exitCode = await main(process.argv.slice(2));

async function main(args: string[]): Promise<number> {
  try {
    const options = await parseOptions(args);
    const results = await benchmark(options);
    const partial = options.only.length > 0;
    if (!partial) await save(results);
    log(partial ? `\n${writeReport(results)}` : `\nwritten to ${FOLDER}`);
    return 0;
  } catch (error) {
    // Everything here is on this machine and made up: the whole message helps and gives nothing away.
    process.stderr.write(`bench: ${error instanceof Error ? error.message : error}\n`);
    return exitCodeOfError(error);
  }
}

async function parseOptions(args: string[]): Promise<Options> {
  const options = await commandLine(args, USAGE)
    .option('rows', { describe: 'Rows of the table', type: 'number', default: 1_000_000, requiresArg: true })
    .option('largest-table', {
      describe: 'Rows of the largest of the growing tables',
      type: 'number',
      default: 10_000_000,
      requiresArg: true,
    })
    .option('repeat', { describe: 'Runs of each; the median counts', type: 'number', default: 3, requiresArg: true })
    .option('only', {
      describe: `Only these strategies or groups, printed and not written: ${[...GROUPS, ...everyWay().map(({ strategy }) => strategy)].join(', ')}`,
      type: 'string',
      array: true,
      default: [],
      requiresArg: true,
    })
    .parseAsync();
  return parse(optionsSchema, options, (field) => `--${field}`);
}

async function benchmark(options: Options): Promise<BenchmarkResults> {
  const server = await startEmbeddedServer(SERVER_SETTINGS);
  const url = server.url('postgres');
  const database = openTicketDatabase(url, { silentServerMs: LONGEST_STATEMENT_MS });
  process.once('SIGINT', () => void server.stop().then(() => process.exit(exitCodeOfSignal('SIGINT'))));
  try {
    await runCommand([...PRISMA, 'migrate', 'deploy'], url, 'pipe');
    const bench = { database, url, tableRows: options.rows, repeat: options.repeat, log };
    const ifChosen = (group: string, measure: () => Promise<Measurement[]>) =>
      isChosen(group, options) ? measure() : Promise.resolve([]);

    const seeding = await ifChosen('seeding', () => measureAll(bench, seeders(options.rows), clear));
    await fill(bench);
    const ways = everyWay().filter(({ strategy }) => isChosen('strategies', options) || isChosen(strategy, options));
    return {
      seeding,
      strategies: await measureAll(bench, ways),
      batchSizes: await ifChosen('batchSizes', () => measureAll(bench, fixedBatchSizes())),
      workers: await ifChosen('workers', () => measureAll(bench, growingWorkers())),
      sizes: await ifChosen('sizes', () => measureSizes(bench, options['largest-table'])),
      machine: await describeMachine(database),
      serverSettings: SERVER_SETTINGS,
      finishedAt: new Date().toISOString(),
    };
  } finally {
    await database.$disconnect();
    await server.stop();
  }
}

function isChosen(name: string, { only }: Options): boolean {
  return only.length === 0 || only.includes(name);
}

/** Tables that grow tenfold; the largest is measured once, since its runs are long enough to be steady. */
async function measureSizes(bench: Bench, largest: number): Promise<Measurement[]> {
  const measurements: Measurement[] = [];
  for (const tableRows of [largest / 100, largest / 10, largest]) {
    const sized = { ...bench, tableRows, repeat: tableRows === largest ? 1 : bench.repeat };
    log(`table of ${formatCount(tableRows)} rows`);
    await clear(bench.database);
    await fill(sized);
    measurements.push(...(await measureAll(sized, contenders())));
  }
  return measurements;
}

/** Seeds the table, which never has more rows than it should. */
async function fill({ url, tableRows }: Bench): Promise<void> {
  await runCommand(['--import', 'tsx', 'prisma/seed.ts', '--size', `${tableRows}`], url, 'pipe');
}

async function describeMachine(database: TicketDatabase): Promise<BenchmarkResults['machine']> {
  const [server] = await database.$queryRaw<{ version: string }[]>`SELECT current_setting('server_version') AS version`;
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryBytes: totalmem(),
    node: process.version,
    postgres: server?.version ?? 'unknown',
  };
}

async function save(results: BenchmarkResults): Promise<void> {
  await mkdir(FOLDER, { recursive: true });
  const files = {
    ...drawCharts(results),
    'README.md': writeReport(results),
  };
  await Promise.all(Object.entries(files).map(([name, content]) => writeFile(join(FOLDER, name), content)));
}

function log(line: string): void {
  process.stdout.write(`${line}\n`);
}
