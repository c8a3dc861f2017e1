import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const COMMAND = join(import.meta.dirname, '..', 'rotate-tokens.ts');

/** Exit codes of a process that ends by itself: complete, failed but resumable, held by others, terminated. */
const PROPER_ENDS = [0, 1, 3, 143];

/** Nothing that looks like a token, and no stack trace, belongs into any output. */
const FORBIDDEN = /[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}|^\s+at .*:\d+:\d+/im;

/** Events about faults, as the processes print them with `--json`. */
const TOLD = /^\{"event":"(retry|setAside|tryingAgain|survivors|overtaken|blocked|failed)"/gm;

/** The processes that rotate: whenever one ends, another takes its place, until one says that it is complete. */
export interface Rotators {
  /** Those that run now. */
  running(): ChildProcess[];
  /** Resolves when one has found the rotation complete, and all have ended. */
  complete: Promise<void>;
  /** Violations of a promise. */
  readonly offences: string[];
}

/**
 * @param processes how many at a time
 * @param args of `scripts/rotate-tokens.ts`
 * @param count told how each process ended, and what each said about faults
 */
export function startRotators(
  processes: number,
  args: string[],
  databaseUrl: string,
  count: (what: string) => void,
): Rotators {
  const running = new Set<ChildProcess>();
  const offences: string[] = [];
  let isComplete = false;

  async function keepRunning(): Promise<void> {
    while (!isComplete) {
      const child = spawn(process.execPath, ['--import', 'tsx', COMMAND, ...args], {
        cwd: import.meta.dirname, // with a target that has an afterBatch
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, DATABASE_URL: databaseUrl },
      });
      running.add(child);
      let output = '';
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
      const [code, signal] = await once(child, 'close');
      running.delete(child);
      count(`processes that ended with ${code ?? signal}`);
      for (const [, event] of output.matchAll(TOLD)) count(`events told: ${event}`);
      if (code !== null && !PROPER_ENDS.includes(code)) offences.push(`a process ended with ${code}:\n${output}`);
      if (FORBIDDEN.test(output)) offences.push(`a process printed what it should not:\n${output}`);
      if (code === 0) isComplete = true;
    }
  }
  return {
    running: () => [...running],
    complete: Promise.all(Array.from({ length: processes }, keepRunning)).then(() => {}),
    offences,
  };
}
