import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import { DEFAULT_PAUSE_MS, giveOrder } from '../../checkpoint/orders.ts';
import { type RotationStatus, readStatus } from '../../checkpoint/status.ts';
import { whoIsThis } from '../../checkpoint/who.ts';
import { parse } from '../../config/parse.ts';
import { attemptOnce } from '../../database/retry.ts';
import { ownSession } from '../../database/session.ts';
import { databaseLabel } from '../../database/url.ts';
import { ConfigurationError } from '../../errors/errors.ts';
import { printable, printableJson } from '../../text/printable.ts';
import { commandLine, PROGRAM } from '../arguments.ts';
import { exitCodeOfError } from '../exit-code.ts';
import { openRecords } from '../open-target.ts';
import { describeStatus } from '../reporters/status-text.ts';
import { sayError } from '../say-error.ts';
import type { Served } from '../serve/server.ts';
import { exitCodeAfter, interruptOnSignals } from '../signals.ts';

const USAGE = `${PROGRAM} status [options]

Shows how far the rotations in the database are, from any machine and without disturbing them.`;

/** Interval of --watch, and time over which a rate is measured without it, in milliseconds. */
const INTERVAL_MS = 2_000;

const PORT = 'must be given once, with a port: 0 (any) to 65535';

const optionsSchema = z.object({
  name: z.string('must be given once, with a value').optional(),
  watch: z.boolean('must be given once'),
  json: z.boolean('must be given once'),
  serve: z.int(PORT).min(0, PORT).max(65_535, PORT).optional(),
});

/** @param args what follows `status` @returns the exit code */
export async function statusCommand(args: string[]): Promise<number> {
  try {
    const options = await parseOptions(args);
    const interruption = interruptOnSignals(() => {});
    await (options.serve === undefined ? show(options, interruption.signal) : servePage(options, interruption.signal));
    return interruption.received ? exitCodeAfter(interruption.received) : 0;
  } catch (error) {
    sayError(error);
    return exitCodeOfError(error);
  }
}

async function parseOptions(args: string[]) {
  const options = await commandLine(args, USAGE)
    .option('name', { describe: 'Show only the rotation of this name', type: 'string', requiresArg: true })
    .option('watch', { describe: 'Refresh every two seconds, until Ctrl-C', type: 'boolean', default: false })
    .option('json', {
      describe: 'Print one JSON object per line and rotation',
      type: 'boolean',
      default: false,
    })
    .option('serve', {
      describe: 'Serve a live page, with Prometheus metrics at /metrics, on this port of this machine, until Ctrl-C',
      type: 'number',
      requiresArg: true,
    })
    .parseAsync();
  return parse(optionsSchema, options, (field) => `--${field}`);
}

type StatusOptions = z.output<typeof optionsSchema>;

async function show({ name, watch, json }: StatusOptions, signal: AbortSignal): Promise<void> {
  const { url, database, tables } = await openRecords();
  try {
    let earlier = await attemptOnce(database, () => readStatus(database, tables, name)); // says what was tried in vain
    let isFirst = true;
    do {
      // A rate takes two looks; where nothing moves, none is needed.
      if (!isFirst || earlier.some(({ state }) => state === 'running')) await pause(signal);
      const now = await readStatus(database, tables, name);
      if (name !== undefined && now.length === 0 && !watch) {
        throw new ConfigurationError(`no rotation '${name}' is recorded in ${databaseLabel(url)}. Check --name.`);
      }
      if (watch && process.stdout.isTTY && !json) process.stdout.write(CLEAR_SCREEN);
      const lines = json ? now.map((status) => printableJson(status)) : describeAll(now, earlier).map(printable);
      if (lines.length > 0) process.stdout.write(`${lines.join('\n')}\n`);
      else if (!json) process.stdout.write(`no rotation is recorded in ${databaseLabel(url)} yet\n`);
      [earlier, isFirst] = [now, false];
    } while (watch && !signal.aborted);
  } finally {
    await database.$disconnect();
  }
}

/** Serves the status until the signal is aborted. */
async function servePage({ name, serve: port = 0 }: StatusOptions, signal: AbortSignal): Promise<void> {
  const { serve } = await import('../serve/server.ts');
  const { url, database, tables } = await openRecords();
  const read = () => readStatus(database, tables, name);
  const give: Served['give'] = (action, rotation, reason) => {
    const order = { action, pauseMs: action === 'pause' ? DEFAULT_PAUSE_MS : 0, overrides: {}, reason };
    return giveOrder({ database: ownSession(database), tables, rotation }, { ...order, givenBy: whoIsThis() });
  };
  try {
    await attemptOnce(database, read);
    await serve({ label: databaseLabel(url), read, give }, port, signal, (address, withToken) => {
      process.stdout.write(
        `status at ${address} and metrics at ${address}metrics\nto pause and resume there, open ${withToken}\n`,
      );
    });
  } finally {
    await database.$disconnect();
  }
}

const CLEAR_SCREEN = '\x1b[2J\x1b[H';

/** Ends early, and quietly, when the signal is aborted. */
function pause(signal: AbortSignal): Promise<void> {
  return sleep(INTERVAL_MS, undefined, { signal }).catch(() => {});
}

function describeAll(now: readonly RotationStatus[], earlier: readonly RotationStatus[]): string[] {
  return now.flatMap((status) =>
    describeStatus(
      status,
      earlier.find(({ rotation }) => rotation === status.rotation),
    ),
  );
}
