import * as z from 'zod';
import { commandLine } from '../src/cli/arguments.ts';
import { exitCodeOfError, exitCodeOfSignal } from '../src/cli/exit-code.ts';
import { type Interruption, interruptOnSignals } from '../src/cli/signals.ts';
import { parse } from '../src/config/parse.ts';
import { formatCount, formatDuration } from '../src/text/format.ts';
import { PRISMA, runCommand } from './support/commands.ts';
import { startEmbeddedServer } from './support/embedded-server.ts';
import { openTicketDatabase, type TicketDatabase } from './support/ticket-database.ts';

const USAGE = `npm run demo -- [options]

Starts a PostgreSQL of its own, fills it with tickets, rotates every token, and checks the result.`;

const sizeSchema = z.object({ size: z.int('must be a whole number of tickets').min(1, 'must be at least 1') });

/** The rotation that was interrupted has just said that it can continue. */
const INTERRUPTED =
  'Interrupted. The demo removes its PostgreSQL and all data, so nothing is left to continue; `npm run demo` starts over.';

/** A part of the demo and its duration. */
type Part = [name: string, ms: number];

process.exitCode = await main(process.argv.slice(2));

async function main(args: string[]): Promise<number> {
  try {
    const size = await parseSize(args);
    const interruption = interruptOnSignals(() => {});
    await demonstrate(size, interruption);
    return interruption.received ? exitCodeOfSignal(interruption.received) : 0;
  } catch (error) {
    // Here everything is on this machine and made up: the whole message helps and gives nothing away.
    process.stderr.write(`demo: ${error instanceof Error ? error.message : error}\n`);
    return exitCodeOfError(error);
  }
}

async function parseSize(args: string[]): Promise<number> {
  const options = await commandLine(args, USAGE)
    .option('size', { describe: 'Tickets to rotate', type: 'number', default: 1_000_000, requiresArg: true })
    .parseAsync();
  return parse(sizeSchema, options, (field) => `--${field}`).size;
}

async function demonstrate(size: number, interruption: Interruption): Promise<void> {
  const parts: Part[] = [];
  const part = async <T>(name: string, work: () => Promise<T>): Promise<T | undefined> => {
    if (interruption.signal.aborted) return undefined;
    process.stdout.write(`\n▶ ${name}\n`);
    const startedAtMs = performance.now();
    const result = await work();
    parts.push([name, performance.now() - startedAtMs]);
    return result;
  };

  const server = await part('start PostgreSQL', () => startEmbeddedServer());
  if (server === undefined) return; // interrupted before it began
  const url = server.url('postgres');
  const run = (args: string[]) => runCommand(args, url, 'inherit', interruption);
  const database = openTicketDatabase(url);
  try {
    await part('npx prisma migrate deploy', () => run([...PRISMA, 'migrate', 'deploy']));
    await part(`npx prisma db seed -- --size ${size}`, () => run([...PRISMA, 'db', 'seed', '--', '--size', `${size}`]));
    await part('copy the old tokens, to compare with', () => copyTickets(database));
    await part('npx tsx scripts/rotate-tokens.ts', () => run(['--import', 'tsx', 'scripts/rotate-tokens.ts']));
    const comparison = await part('compare with the old tokens', () => compareWithCopy(database));
    if (comparison) conclude(comparison, size);
  } finally {
    await database.$disconnect();
    if (interruption.signal.aborted) process.stdout.write(`\n${INTERRUPTED}\n`);
    else await part('stop PostgreSQL and remove its data', () => server.stop());
    await server.stop(); // also when a signal came before the last part
  }
  if (!interruption.signal.aborted) printParts(parts);
}

async function copyTickets(database: TicketDatabase): Promise<void> {
  await database.$executeRaw`CREATE TABLE leaked AS SELECT * FROM tickets`;
  await database.$executeRaw`CREATE INDEX ON leaked (token)`;
  await database.$executeRaw`ANALYZE leaked`;
}

interface Comparison {
  tickets: bigint;
  /** Tokens of today that are among the old ones, on whatever ticket. */
  survivors: bigint;
  /** Tickets of which anything but the token is no longer what it was, or which are missing. */
  damaged: bigint;
}

async function compareWithCopy(database: TicketDatabase): Promise<Comparison | undefined> {
  const [comparison] = await database.$queryRaw<Comparison[]>`
    SELECT
      (SELECT count(*) FROM tickets) AS tickets,
      (SELECT count(*) FROM tickets JOIN leaked USING (token)) AS survivors,
      (SELECT count(*) FROM leaked LEFT JOIN tickets USING (id)
       WHERE (tickets.subject, tickets.holder_email, tickets.created_at)
         IS DISTINCT FROM (leaked.subject, leaked.holder_email, leaked.created_at)) AS damaged`;
  return comparison;
}

function conclude({ tickets, survivors, damaged }: Comparison, size: number): void {
  const counts = `${formatCount(Number(tickets))} tickets, ${formatCount(Number(survivors))} of the old tokens still valid, ${formatCount(Number(damaged))} tickets changed otherwise`;
  process.stdout.write(`${counts}\n`);
  if (Number(tickets) !== size || survivors !== 0n || damaged !== 0n)
    throw new Error(`this is not as it should be: ${counts}`);
}

function printParts(parts: Part[]): void {
  process.stdout.write('\nHow long each part took:\n');
  for (const [name, ms] of parts) process.stdout.write(`  ${formatDuration(ms).padStart(12)}  ${name}\n`);
}
