import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Interruption } from '../cli/signals.ts';

const ROOT = join(import.meta.dirname, '..', '..');

/** The arguments of node that are `npx prisma`. */
export const PRISMA = ['node_modules/prisma/build/index.js'];

/**
 * Runs one of this package's commands as its user would.
 *
 * @param args of node
 * @param stdio whether it has this process's own terminal; otherwise what it prints is only seen when it fails
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
    stdio: ['ignore', stdio, stdio],
    env: { ...process.env, DATABASE_URL: databaseUrl, PRISMA_HIDE_UPDATE_MESSAGE: '1' },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (output += chunk));
  const forward = () => child.kill(interruption?.received);
  interruption?.signal.addEventListener('abort', forward, { once: true });
  const [code] = await once(child, 'close');
  interruption?.signal.removeEventListener('abort', forward);
  if (code !== 0 && !interruption?.signal.aborted)
    throw new Error(`${args.join(' ')} ended with exit code ${code}\n${output}`);
}
