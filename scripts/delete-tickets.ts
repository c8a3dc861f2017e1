import { createInterface } from 'node:readline/promises';
import { config as loadDotenv } from 'dotenv';
import { ConfigurationError, databaseLabel, describeError, openDatabase, parseDatabaseUrl } from '../src/index.ts';
import { commandLine } from './cli/arguments.ts';
import { exitCodeOfError } from './cli/exit-code.ts';
import { formatCount } from './cli/format.ts';

const USAGE = `npx tsx scripts/delete-tickets.ts [options]

Deletes every ticket and every rotation checkpoint, to start afresh with the seed.`;

process.exitCode = await main(process.argv.slice(2));

async function main(args: string[]): Promise<number> {
  try {
    const { yes } = await parseOptions(args);
    loadDotenv({ quiet: true });
    await deleteTickets(parseDatabaseUrl(process.env), yes);
    return 0;
  } catch (error) {
    process.stderr.write(`delete-tickets: ${describeError(error)}\n`);
    return exitCodeOfError(error);
  }
}

function parseOptions(args: string[]) {
  return commandLine(args, USAGE)
    .option('yes', { describe: "Don't ask", type: 'boolean', default: false })
    .parseAsync();
}

async function deleteTickets(url: string, yes: boolean): Promise<void> {
  const database = openDatabase(url);
  try {
    const tickets = formatCount(await database.ticket.count());
    if (
      !yes &&
      !(await confirm(`Delete all ${tickets} tickets in ${databaseLabel(url)}, and the rotations' checkpoints?`))
    ) {
      process.stdout.write('Nothing was deleted.\n');
      return;
    }
    // A checkpoint left behind would call the next tickets rotated.
    const [deleted] = await database.$transaction([
      database.ticket.deleteMany(),
      database.rotationCheckpoint.deleteMany(),
    ]);
    process.stdout.write(`Deleted ${formatCount(deleted.count)} tickets.\n`);
  } finally {
    await database.$disconnect();
  }
}

async function confirm(question: string): Promise<boolean> {
  if (!process.stdin.isTTY) throw new ConfigurationError(`${question} There is nobody to ask here: say so with --yes.`);
  const prompt = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return /^y(es)?$/i.test((await prompt.question(`${question} [y/N] `)).trim());
  } finally {
    prompt.close();
  }
}
