import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import { commandLine } from '../src/cli/arguments.ts';
import { exitCodeOfError } from '../src/cli/exit-code.ts';
import { parse } from '../src/config/parse.ts';
import { formatCount } from '../src/text/format.ts';
import type { Latencies } from './benchmark/application-load.ts';
import { PRISMA, runCommand } from './support/commands.ts';
import { startEmbeddedServer } from './support/embedded-server.ts';
import { openTicketDatabase, type TicketDatabase } from './support/ticket-database.ts';

const USAGE = `npm run latency -- [options]

Measures how long an application's requests take while its tokens are rotated, and writes docs/benchmarks/latency.md.
Takes about five minutes; the machine should have nothing else to do.`;

const ROOT = join(import.meta.dirname, '..');
const ROTATE = ['--import', 'tsx', 'scripts/rotate-tokens.ts'];

/** The load beside the application. */
const SITUATIONS: readonly { label: string; args: string[] | 'one UPDATE' | 'nothing' }[] = [
  { label: 'nothing else', args: 'nothing' },
  { label: 'this package, `--pace full`', args: ['--pace', 'full'] },
  { label: 'this package, `--pace steady` (default)', args: [] },
  { label: 'this package, `--pace gentle`', args: ['--pace', 'gentle'] },
  {
    label: 'this package, `--max-rows-per-second 20000 --target-batch-ms 50`',
    args: ['--max-rows-per-second', '20000', '--target-batch-ms', '50'],
  },
  { label: 'one `UPDATE` of the whole table', args: 'one UPDATE' },
];

/** Time for which the application is measured alone, in milliseconds. */
const ALONE_MS = 20_000;

interface Result {
  label: string;
  seconds: number;
  lookups: Latencies;
  changes: Latencies;
}

const optionsSchema = z.object({
  rows: z.int('must be a whole number of rows').min(1_000, 'must be at least 1000'),
});

process.exitCode = await main(process.argv.slice(2));

async function main(args: string[]): Promise<number> {
  try {
    const options = await commandLine(args, USAGE)
      .option('rows', { describe: 'Rows of the table', type: 'number', default: 1_000_000, requiresArg: true })
      .parseAsync();
    const { rows } = parse(optionsSchema, options, (field) => `--${field}`);
    const page = describe(rows, await measureAll(rows));
    process.stdout.write(`\n${page}`);
    await writeFile(join(ROOT, 'docs', 'benchmarks', 'latency.md'), page);
    return 0;
  } catch (error) {
    // Everything here is on this machine and made up: the whole message helps and gives nothing away.
    process.stderr.write(`latency: ${error instanceof Error ? error.message : error}\n`);
    return exitCodeOfError(error);
  }
}

async function measureAll(rows: number): Promise<Result[]> {
  const server = await startEmbeddedServer({ shared_buffers: '1GB', max_wal_size: '4GB' });
  const url = server.url('postgres');
  const database = openTicketDatabase(url);
  try {
    await runCommand([...PRISMA, 'migrate', 'deploy'], url, 'pipe');
    await runCommand(['--import', 'tsx', 'prisma/seed.ts', '--size', `${rows}`], url, 'pipe');
    const results: Result[] = [];
    for (const { label, args } of SITUATIONS) {
      await database.$executeRaw`TRUNCATE rotations CASCADE`;
      await database.$executeRaw`VACUUM (FULL, ANALYZE) tickets`;
      await database.$executeRaw`CHECKPOINT`;
      results.push({ label, ...(await measure(url, () => work(args, database, url))) });
      process.stdout.write(`${label}: p99 ${results.at(-1)?.lookups.p99Ms.toFixed(1)} ms\n`);
    }
    return results;
  } finally {
    await database.$disconnect();
    await server.stop();
  }
}

async function work(args: string[] | 'one UPDATE' | 'nothing', database: TicketDatabase, url: string): Promise<void> {
  if (args === 'nothing') await sleep(ALONE_MS);
  else if (args === 'one UPDATE') await database.$executeRaw`UPDATE tickets SET token = gen_random_uuid()`;
  else await runCommand([...ROTATE, ...args], url, 'pipe');
}

/** Has the application run for as long as the work takes. */
async function measure(url: string, job: () => Promise<void>): Promise<Omit<Result, 'label'>> {
  const application = spawn(process.execPath, ['--import', 'tsx', 'scripts/benchmark/application-load.ts'], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, DATABASE_URL: url },
  });
  let printed = '';
  application.stdout.on('data', (chunk) => (printed += chunk));
  const ended = once(application, 'close');
  await sleep(3_000); // until it is under way
  const startedAtMs = performance.now();
  await job();
  const seconds = (performance.now() - startedAtMs) / 1000;
  application.kill('SIGTERM');
  const [code] = await ended;
  if (code !== 0) throw new Error(`the application ended with exit code ${code}`);
  return { seconds, ...JSON.parse(printed) };
}

function describe(rows: number, results: Result[]): string {
  const ms = (value: number) => value.toFixed(value < 10 ? 1 : 0);
  const cells = ({ label, seconds, lookups, changes }: Result) => [
    label,
    seconds.toFixed(1),
    ...[lookups, changes].flatMap((each) => [each.p50Ms, each.p99Ms, each.maxMs].map(ms)),
  ];
  const lines = [
    ['beside it', 'seconds', 'lookup p50', 'p99', 'max', 'change p50', 'p99', 'max'],
    ['---', ...Array(7).fill('---:')],
    ...results.map(cells),
  ];
  return [
    '# Latency of an application meanwhile',
    '',
    `\`npm run latency\` measured this and wrote this page (${new Date().toISOString()}): a table of ${formatCount(rows)} rows, ` +
      `an embedded PostgreSQL, the rotation and the application on one machine (${cpus()[0]?.model.trim()}, ${cpus().length} cores).`,
    '',
    'The application looks up 200 tickets a second by token and changes 50 a second by key, at a fixed pace; a request',
    'counts from when it was due, and the waiting for one of its eight connections with it. One that gets none within ten',
    'seconds fails, and counts with these. Milliseconds:',
    '',
    ...lines.map((line) => `| ${line.join(' | ')} |`),
    '',
  ].join('\n');
}
