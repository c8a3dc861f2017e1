import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Interruption } from '../../src/cli/signals.ts';
import { runAfterDeath } from './watchdog.ts';

const ROOT = join(import.meta.dirname, '..', '..');

/** The arguments of node that are `npx prisma`. */
export const PRISMA = ['node_modules/prisma/build/index.js'];

/** Interval and time limit for the end of processes that an interrupted command started, in milliseconds. */
const POLL_MS = 50;
const STRAGGLER_MS = 10_000;

/**
 * Runs one of this package's commands as its user would, until it ends. It and what it starts are a process group of
 * their own, which gets each signal once and ends with this process.
 *
 * @param args of node
 * @param stdio "inherit": it prints to this process's terminal; "pipe": its output is shown only if it fails
 * @param interruption its signal is passed on to the command, which may then fail
 * @throws Error when it fails
 */
export async function runCommand(
  args: string[],
  databaseUrl: string,
  stdio: 'inherit' | 'pipe',
  interruption?: Interruption,
): Promise<void> {
  const child = spawn(process.execPath, args, {
    cwd: ROOT,
    detached: true,
    stdio: ['ignore', stdio, stdio],
    env: { ...process.env, DATABASE_URL: databaseUrl, PRISMA_HIDE_UPDATE_MESSAGE: '1' },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (output += chunk));
  await once(child, 'spawn');
  const group = Number(child.pid);
  const callOff = runAfterDeath('kill -TERM -- "-$1"', String(group));
  const forward = () => signalGroup(group, interruption?.received);
  interruption?.signal.addEventListener('abort', forward, { once: true });
  const [code] = await once(child, 'close');
  interruption?.signal.removeEventListener('abort', forward);
  if (interruption?.signal.aborted) await untilGone(group);
  callOff();
  if (code !== 0 && !interruption?.signal.aborted)
    throw new Error(`${args.join(' ')} ended with exit code ${code}\n${output}`);
}

/** Prisma ends at once on a signal, while the seeding that it started still finishes its batch. */
async function untilGone(group: number): Promise<void> {
  const giveUpAtMs = performance.now() + STRAGGLER_MS;
  while (signalGroup(group) && performance.now() < giveUpAtMs) await sleep(POLL_MS);
}

/**
 * @param signal undefined: none is sent
 * @returns whether a process of the group is left
 */
function signalGroup(group: number, signal?: NodeJS.Signals): boolean {
  try {
    return process.kill(-group, signal ?? 0);
  } catch {
    return false;
  }
}
