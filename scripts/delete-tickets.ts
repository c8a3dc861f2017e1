import '../src/cli/quiet-environment.ts';
import { createInterface } from 'node:readline';
import { config as loadDotenv } from 'dotenv';
import { commandLine } from '../src/cli/arguments.ts';
import { exitCodeOfError, exitCodeOfSignal } from '../src/cli/exit-code.ts';
import { parseDatabaseUrl } from '../src/config/database-url.ts';
import { databaseLabel } from '../src/database/url.ts';
import { ConfigurationError, describeError } from '../src/index.ts';
import { formatCount } from '../src/text/format.ts';
import { printable } from '../src/text/printable.ts';
import { countOf } from '../src/text/wording.ts';
import { openTicketDatabase } from './support/ticket-database.ts';

const USAGE = `npx tsx scripts/delete-tickets.ts [options]

Deletes EVERY ticket in DATABASE_URL and every rotation that is recorded there, to start afresh with the seed.`;

process.exitCode = await main(process.argv.slice(2));

async function main(args: string[]): Promise<number> {
  try {
    const { yes } = await parseOptions(args);
    loadDotenv({ quiet: true });
    return await deleteTickets(parseDatabaseUrl(process.env), yes);
  } catch (error) {
    process.stderr.write(`delete-tickets: ${printable(describeError(error))}\n`);
    return exitCodeOfError(error);
  }
}

function parseOptions(args: string[]) {
  return commandLine(args, USAGE)
    .option('yes', { describe: "Don't ask", type: 'boolean', default: false })
    .parseAsync();
}

/** @returns the exit code */
async function deleteTickets(url: string, yes: boolean): Promise<number> {
  const database = openTicketDatabase(url);
  try {
    const what = `all ${formatCount(await database.ticket.count())} tickets in ${databaseLabel(url)} and every rotation`;
    if (!yes && !process.stdin.isTTY) {
      throw new ConfigurationError(`not deleting ${what}: there is no terminal to ask for confirmation. Add --yes.`);
    }
    const answer = yes ? 'yes' : await ask(`Delete ${what}? [y/N] `);
    if (answer === null || !/^y(es)?$/i.test(answer.trim())) {
      process.stdout.write('Nothing was deleted.\n');
      return answer === null ? exitCodeOfSignal('SIGINT') : 0;
    }
    // A rotation left behind would call the next tickets rotated. Its checkpoints and hashes go with it.
    const [tickets, rotations] = await database.$transaction([
      database.ticket.deleteMany(),
      database.rotation.deleteMany(),
    ]);
    process.stdout.write(`Deleted ${countOf(tickets.count, 'ticket')} and ${countOf(rotations.count, 'rotation')}.\n`);
    return 0;
  } finally {
    await database.$disconnect();
  }
}

/** @returns null when there is no answer: Ctrl-C, or Ctrl-D */
function ask(question: string): Promise<string | null> {
  const prompt = createInterface({ input: process.stdin, output: process.stdout });
  return new Promise((resolve) => {
    prompt.once('close', () => {
      process.stdout.write('\n');
      resolve(null);
    });
    prompt.once('SIGINT', () => prompt.close());
    prompt.question(question, (answer) => {
      resolve(answer);
      prompt.close();
    });
  });
}
