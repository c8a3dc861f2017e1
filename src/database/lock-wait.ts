import type { Database } from './database.ts';

/** Interval of looking at a batch that takes long, in milliseconds. */
const POLL_MS = 100;

/** From how long a wait on it is worth telling, in milliseconds. */
const TELL_AFTER_MS = 500;

/** A watch over one batch. */
export interface LockWatch {
  /** Tells which server process the batch runs in, as soon as that is known. */
  setBackend(pid: number): void;
  /** Ends the watch. @returns milliseconds that the batch spent waiting for locks, up to a poll too few for each wait */
  stop(): number;
}

/**
 * Measures how long a batch waits for rows or tables that other sessions have locked, and names these sessions. A quick
 * batch costs nothing: the first look is only taken after `afterMs`.
 *
 * @param onBlocked called once a wait has lasted for half a second, with the server processes that hold the locks
 */
export function watchLocks(database: Database, afterMs: number, onBlocked: (pids: number[]) => void): LockWatch {
  const waits = new Map<string, number>();
  let pid: number | undefined;
  let poll: NodeJS.Timeout | undefined;
  const look = async () => {
    if (pid === undefined) return;
    const wait = await currentWait(database, pid);
    if (wait === undefined) return;
    const toldBefore = (waits.get(wait.since) ?? 0) >= TELL_AFTER_MS;
    waits.set(wait.since, wait.ms);
    if (wait.ms >= TELL_AFTER_MS && !toldBefore) onBlocked(wait.blockers);
  };
  const start = setTimeout(() => {
    // Where the look fails, only the display misses something; the batch itself will say what is wrong.
    poll = setInterval(() => void look().catch(() => {}), POLL_MS);
  }, afterMs);
  return {
    setBackend(backend) {
      pid = backend;
    },
    stop() {
      clearTimeout(start);
      clearInterval(poll);
      return [...waits.values()].reduce((sum, ms) => sum + ms, 0);
    },
  };
}

/** The lock that a server process waits for, identified by the start of the wait. */
async function currentWait(database: Database, pid: number) {
  const [wait] = await database.$queryRaw<{ since: string; ms: number; blockers: number[] }[]>`
    SELECT waitstart::text AS since, extract(epoch FROM clock_timestamp() - waitstart)::float8 * 1000 AS ms,
      pg_blocking_pids(${pid}::int) AS blockers
    FROM pg_locks WHERE pid = ${pid}::int AND NOT granted AND waitstart IS NOT NULL`;
  return wait;
}
