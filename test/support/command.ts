import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { Readable, type Writable } from 'node:stream';

const ROOT = join(import.meta.dirname, '..', '..');

export interface Ended {
  exitCode: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** A command that runs. Its output is collected as it comes. */
export interface Running {
  process: ChildProcessByStdio<Writable, Readable, Readable>;
  /** Resolves with stdout as soon as it holds the text; rejects when the command ends without it. */
  untilPrinted(text: string): Promise<string>;
  ended: Promise<Ended>;
}

/** The command as it is published: it starts in half the time of `npx tsx scripts/rotate-tokens.ts`. */
export const COMMAND = join(ROOT, 'bin', 'rotate-tokens.js');

/** Starts the command without npx in between, so that signals reach it. */
export function startRotation(args: string[], databaseUrl: string | undefined, input?: Readable): Running {
  return start([COMMAND, ...args], databaseUrl, {}, input);
}

export function runRotation(args: string[], databaseUrl: string | undefined, input?: Readable): Promise<Ended> {
  return startRotation(args, databaseUrl, input).ended;
}

/** Runs another of the package's scripts, named by its path. */
export function runScript(script: string, args: string[], databaseUrl?: string): Promise<Ended> {
  return start(['--import', 'tsx', script, ...args], databaseUrl).ended;
}

/** Builds what is published, into `dist`. Call it once, before any test runs: it empties that folder. */
export async function build(): Promise<void> {
  const [exitCode] = await once(spawn('npm', ['run', 'build'], { cwd: ROOT, stdio: ['ignore', 'ignore', 2] }), 'close');
  if (exitCode !== 0) throw new Error(`npm run build ended with ${exitCode}`);
}

/** Runs `npx prisma`. */
export function prisma(args: string[], databaseUrl?: string): Promise<Ended> {
  return start(['node_modules/prisma/build/index.js', ...args], databaseUrl).ended;
}

/**
 * @param input what is piped into it; nothing, if not given
 * @param cwd the folder that it is started in; this repository's, if not given
 * @param detached whether it leads a process group, as a command does that a shell starts
 */
export function start(
  args: string[],
  databaseUrl: string | undefined,
  extraEnvironment: Record<string, string> = {},
  input: Readable = Readable.from([]),
  cwd = ROOT,
  detached = false,
): Running {
  const { DATABASE_URL: _, NODE_OPTIONS: __, FORCE_COLOR: ___, ...environment } = process.env; // Jest may set the last one
  const child = spawn(process.execPath, args, {
    cwd,
    detached,
    stdio: ['pipe', 'pipe', 'pipe'],
    // A .env file of whoever runs the tests must not lead them to another database.
    env: { ...environment, DATABASE_URL: databaseUrl ?? '', PRISMA_HIDE_UPDATE_MESSAGE: '1', ...extraEnvironment },
  });
  child.stdin.on('error', () => {}); // it may end without having read it
  input.pipe(child.stdin);
  const printed = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => (printed.stdout += chunk));
  child.stderr.on('data', (chunk) => (printed.stderr += chunk));
  const ended = once(child, 'close').then(([exitCode, signal]) => ({ exitCode, signal, ...printed }));
  return {
    process: child,
    ended,
    async untilPrinted(text) {
      while (!printed.stdout.includes(text)) {
        const next = await Promise.race([once(child.stdout, 'data'), ended]);
        if (!Array.isArray(next) && !printed.stdout.includes(text)) {
          throw new Error(`it ended before it printed "${text}":\n${printed.stdout}${printed.stderr}`);
        }
      }
      return printed.stdout;
    },
  };
}
