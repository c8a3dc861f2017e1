import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import { databaseLabel, describeError, openDatabase, parseDatabaseUrl, readStatus } from '../../src/index.ts';
import { parse } from '../../src/parse.ts';
import { commandLine } from '../cli/arguments.ts';
import { exitCodeOfError, exitCodeOfSignal } from '../cli/exit-code.ts';
import { interruptOnSignals } from '../cli/signals.ts';
import { describeStatus } from '../cli/status-text.ts';

const USAGE = `npx tsx scripts/rotate-tokens.ts status [options]

Shows how far the rotations in the database are, from any machine and without disturbing them.`;

/** How often --watch looks, and how long a rate is measured without it, in milliseconds. */
const INTERVAL_MS = 2_000;

const optionsSchema = z.object({
  name: z.string('has to be given once, with a value').optional(),
  watch: z.boolean('has to be given once'),
  json: z.boolean('has to be given once'),
});

/** @param args what follows `status` @returns the exit code */
export async function statusCommand(args: string[]): Promise<number> {
  try {
    const options = await parseOptions(args);
    const interruption = interruptOnSignals(() => {});
    await show(options, interruption.signal);
    return interruption.received ? exitCodeOfSignal(interruption.received) : 0;
  } catch (error) {
    process.stderr.write(`rotate-tokens: ${describeError(error)}\n`);
    return exitCodeOfError(error);
  }
}

async function parseOptions(args: string[]) {
  const options = await commandLine(args, USAGE)
    .option('name', { describe: 'Only the rotation of this name', type: 'string', requiresArg: true })
    .option('watch', { describe: 'Look again every two seconds, until Ctrl-C', type: 'boolean', default: false })
    .option('json', {
      describe: 'Print one JSON object a line, one for each rotation',
      type: 'boolean',
      default: false,
    })
    .parseAsync();
  return parse(optionsSchema, options, (field) => `--${field}`);
}

async function show({ name, watch, json }: z.output<typeof optionsSchema>, signal: AbortSignal): Promise<void> {
  const url = parseDatabaseUrl(process.env);
  const database = openDatabase(url, { connections: 1 });
  const write = (text: string) => process.stdout.write(`${text}\n`);
  try {
    let before = await readStatus(database, name);
    if (before.length === 0 && !json) {
      write(`no rotation${name === undefined ? '' : ` '${name}'`} is recorded in ${databaseLabel(url)}`);
    }
    for (let look = 1; before.length > 0 && !signal.aborted; look += 1) {
      // One look does not tell a rate; where nothing moves, none is needed.
      const isMoving = before.some(({ state }) => state === 'running');
      if (isMoving || look > 1) await sleep(INTERVAL_MS, undefined, { signal }).catch(() => {});
      const now = isMoving || look > 1 ? await readStatus(database, name) : before;
      if (watch && process.stdout.isTTY && !json) write('\x1b[2J\x1b[H');
      for (const status of now) {
        const earlier = before.find(({ rotation }) => rotation === status.rotation);
        write(json ? JSON.stringify(status) : describeStatus(status, earlier).join('\n'));
      }
      before = now;
      if (!watch) return;
    }
  } finally {
    await database.$disconnect();
  }
}
