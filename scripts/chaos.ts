import { randomInt } from 'node:crypto';
import * as z from 'zod';
import { commandLine } from '../src/cli/arguments.ts';
import { exitCodeOfError } from '../src/cli/exit-code.ts';
import { parse } from '../src/config/parse.ts';
import { retry } from '../src/database/retry.ts';
import { parseSettings } from '../src/index.ts';
import { formatCount, formatDuration } from '../src/text/format.ts';
import { type Application, startApplication } from './chaos/application.ts';
import { findDamage, startRecording, startRound } from './chaos/evidence.ts';
import { startProxy } from './chaos/proxy.ts';
import { type Random, randomFrom } from './chaos/random.ts';
import { type Rotators, startRotators } from './chaos/rotators.ts';
import { sabotage } from './chaos/saboteur.ts';
import { PRISMA, runCommand } from './support/commands.ts';
import { type EmbeddedServer, startEmbeddedServer } from './support/embedded-server.ts';
import { openTicketDatabase, type TicketDatabase } from './support/ticket-database.ts';

const USAGE = `npm run chaos -- [options]

Rotates tickets again and again on a PostgreSQL of its own, while an application writes to them, connections are cut,
processes are killed and stopped, and the server crashes. After each rotation every ticket must have been rotated
exactly once, and its new token be in an outbox exactly once. The seed repeats the decisions; when they fall is up to
the machine.`;

/** Short waits, so that there are many rotations. */
const ROTATE_OPTIONS = ['--json', '--again', '--lock-timeout-ms', '300', '--max-retry-time-ms', '60000'];

/** Settings of the rotations, in turn. Small batches give faults many points to strike. */
const VARIANTS = [
  ['--batch-size', '100'],
  ['--batch-size', '100', '--tokens', 'database'],
  ['--target-batch-ms', '20'],
];

const optionsSchema = z.object({
  seconds: z.number('must be a number of seconds').min(1, 'must be at least 1'),
  seed: z.int('must be a whole number'),
  size: z.int('must be a whole number of tickets').min(100, 'must be at least 100'),
  processes: z.int('must be a whole number of processes').min(1, 'must be at least 1'),
});
type Options = z.output<typeof optionsSchema>;

const say = (line: string) => process.stdout.write(`${line}\n`);

process.exitCode = await main(process.argv.slice(2));

async function main(args: string[]): Promise<number> {
  try {
    const options = await parseOptions(args);
    return (await wreakHavoc(options)) ? 0 : 1;
  } catch (error) {
    // Here everything is on this machine and made up: the whole message helps and gives nothing away.
    process.stderr.write(`chaos: ${error instanceof Error ? error.stack : error}\n`);
    return exitCodeOfError(error);
  }
}

async function parseOptions(args: string[]): Promise<Options> {
  const number = (describe: string, value: number) =>
    ({ describe, type: 'number', default: value, requiresArg: true }) as const;
  const options = await commandLine(args, USAGE)
    .option('seconds', number('How long to do harm; the last rotation is then left in peace to end', 600))
    .option('seed', number('What the random decisions begin with', randomInt(2 ** 31)))
    .option('size', number('Tickets', 50_000))
    .option('processes', number('Processes that rotate at the same time', 3))
    .parseAsync();
  return parse(optionsSchema, options, (field) => `--${field}`);
}

/** @returns whether nothing was lost and nothing rotated twice */
async function wreakHavoc(options: Options): Promise<boolean> {
  say(`chaos for ${options.seconds} s with --seed ${options.seed}: ${formatCount(options.size)} tickets`);
  const server = await startEmbeddedServer();
  try {
    const url = server.url('postgres');
    await runCommand([...PRISMA, 'migrate', 'deploy'], url, 'pipe');
    await runCommand(['--import', 'tsx', 'prisma/seed.ts', '--size', `${options.size}`], url, 'pipe');
    return await rotateInChaos(options, server);
  } finally {
    await server.stop();
  }
}

async function rotateInChaos(options: Options, server: EmbeddedServer): Promise<boolean> {
  const url = server.url('postgres');
  const tally = new Map<string, number>();
  const count = (what: string) => void tally.set(what, (tally.get(what) ?? 0) + 1);
  const randoms = [0, 1, 2].map((index) => randomFrom(options.seed + index)) as [Random, Random, Random];
  const peace = new AbortController();

  const database = openTicketDatabase(`${url}?application_name=chaos`, { connections: 2 });
  await startRecording(database);
  const application = startApplication(`${url}?application_name=shop`, BigInt(options.size), randoms[0]);
  const proxy = await startProxy(Number(new URL(url).port), randoms[1], peace.signal, count);
  const rotators: { current?: Rotators } = {};
  const sabotaged = sabotage(server, database, rotators, randoms[2], peace.signal, count);
  const timer = setTimeout(() => peace.abort(), options.seconds * 1000);
  let damage: string[] = [];
  try {
    for (let round = 1; !peace.signal.aborted && damage.length === 0; round += 1) {
      const throughProxy = Object.assign(new URL(url), { port: `${proxy.port}` }).href;
      damage = await rotateOnce(options, round, throughProxy, database, application, rotators, count);
    }
  } finally {
    clearTimeout(timer);
    peace.abort();
    await sabotaged;
    await application.stop();
    await proxy.close();
    await database.$disconnect();
  }
  conclude(options, tally, application.writes, damage);
  return damage.length === 0;
}

/** @returns what is wrong afterwards */
async function rotateOnce(
  { processes }: Options,
  round: number,
  url: string,
  database: TicketDatabase,
  application: Application,
  rotators: { current?: Rotators },
  count: (what: string) => void,
): Promise<string[]> {
  const startedAtMs = performance.now();
  const rotation = `chaos-${round}`;
  const tickets = await persistently(() => startRound(database));
  const args = ['--name', rotation, ...ROTATE_OPTIONS, ...(VARIANTS[round % VARIANTS.length] ?? [])];
  rotators.current = startRotators(processes, args, url, count);
  await rotators.current.complete;
  const found = await application.whileQuiet(() =>
    persistently(() => findDamage(database, rotation, application.memories)),
  );
  const damage = [...rotators.current.offences, ...found];
  const verdict = damage.length === 0 ? 'each rotated exactly once' : 'DAMAGED';
  say(`${rotation}: ${formatCount(tickets)} tickets, ${formatDuration(performance.now() - startedAtMs)}, ${verdict}`);
  count('rotations');
  return damage;
}

/** The chaos reaches its own connection, too. */
function persistently<T>(work: () => Promise<T>): Promise<T> {
  return retry({ settings: parseSettings({}), signal: new AbortController().signal, onEvent: () => {} }, work);
}

function conclude({ seed }: Options, tally: ReadonlyMap<string, number>, writes: number, damage: string[]): void {
  const lines = [...tally].sort(([a], [b]) => a.localeCompare(b));
  say('');
  for (const [what, times] of lines) say(`${formatCount(times).padStart(8)}  ${what}`);
  say(`${formatCount(writes).padStart(8)}  writes of the application acknowledged`);
  say('');
  for (const line of damage) say(`DAMAGE: ${line}`);
  say(
    `${damage.length === 0 ? 'Nothing lost, nothing rotated twice.' : 'This must not be.'} Repeat with --seed ${seed}.`,
  );
}
