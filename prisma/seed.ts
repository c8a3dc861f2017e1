import { config as loadDotenv } from 'dotenv';
import * as z from 'zod';
import { openTicketDatabase, type TicketDatabase } from '../scripts/support/ticket-database.ts';
import { commandLine } from '../src/cli/arguments.ts';
import { exitCodeOfError, exitCodeOfSignal } from '../src/cli/exit-code.ts';
import { showProgress } from '../src/cli/reporters/progress-display.ts';
import { interruptOnSignals } from '../src/cli/signals.ts';
import { parseDatabaseUrl } from '../src/config/database-url.ts';
import { parse } from '../src/config/parse.ts';
import { uuid } from '../src/config/token-kinds.ts';
import { arrayLiteral } from '../src/database/array-literal.ts';
import { describeError } from '../src/index.ts';
import { formatCount, formatDuration } from '../src/text/format.ts';

const seedOptionsSchema = z.object({
  size: z.int('must be a whole number of tickets').min(0, 'must be at least 0'),
  'batch-size': z
    .int('must be a whole number of rows')
    .min(1, 'must be at least 1')
    .max(50_000, 'must be at most 50,000'),
});

const USAGE = `npx prisma db seed -- [options]

Fills the tickets table up to a size. Only what is missing is inserted.`;

process.exitCode = await main(process.argv.slice(2));

async function main(args: string[]): Promise<number> {
  try {
    const options = await parseOptions(args);
    loadDotenv({ quiet: true });
    const database = openTicketDatabase(parseDatabaseUrl(process.env));
    try {
      return await seed(database, options.size, options['batch-size']);
    } finally {
      await database.$disconnect();
    }
  } catch (error) {
    process.stderr.write(`seed: ${describeError(error)}\n`);
    return exitCodeOfError(error);
  }
}

async function parseOptions(args: string[]) {
  const options = await commandLine(args, USAGE)
    .option('size', { describe: 'Tickets there are to be', type: 'number', default: 1_000_000, requiresArg: true })
    .option('batch-size', {
      describe: 'Tickets inserted in one statement',
      type: 'number',
      default: 10_000,
      requiresArg: true,
    })
    .parseAsync();
  return parse(seedOptionsSchema, options, (field) => `--${field}`);
}

/** Brings the table to `size` tickets. Interrupted, it is simply run again. */
async function seed(database: TicketDatabase, size: number, batchSize: number): Promise<number> {
  const present = await database.ticket.count();
  if (present >= size) {
    process.stdout.write(`tickets has ${formatCount(present)} rows already: nothing to insert\n`);
    return 0;
  }
  const progress = showProgress(
    'seeding',
    { rowsDone: present, rowsTotal: size, totalIsEstimate: false },
    process.stdout,
  );
  const interruption = interruptOnSignals((signal) => progress.say(`${signal}: stopping after this batch`));
  let inserted = 0;
  const startedAtMs = performance.now();
  try {
    while (present + inserted < size && !interruption.signal.aborted) {
      const batch = Math.min(batchSize, size - present - inserted);
      await insertTickets(database, present + inserted, uuid().make(batch));
      inserted += batch;
      progress.add(batch);
    }
  } finally {
    progress.stop(); // or its timer keeps this process alive after a failure
  }
  const elapsedMs = performance.now() - startedAtMs;
  process.stdout.write(
    `inserted ${formatCount(inserted)} tickets in ${formatDuration(elapsedMs)}; the table has ${formatCount(present + inserted)}\n`,
  );
  return interruption.received ? exitCodeOfSignal(interruption.received) : 0;
}

/** Tokens come from the application, as they do when a ticket is sold; the rest is only there to give rows a real width. */
async function insertTickets(database: TicketDatabase, sold: number, tokens: string[]): Promise<void> {
  await database.$executeRaw`
    INSERT INTO tickets (token, subject, holder_email)
    SELECT token, 'Seat ' || ${sold} + place || ', open-air season', 'holder-' || ${sold} + place || '@example.com'
    FROM unnest(${arrayLiteral(tokens)}::uuid[]) WITH ORDINALITY AS fresh (token, place)`;
}
