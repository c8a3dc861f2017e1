import { setTimeout as sleep } from 'node:timers/promises';
import { type Checkpoint, isSwept, loadOpenCheckpoints } from '../checkpoint/checkpoints.ts';
import { CLAIM_MS } from '../checkpoint/claims.ts';
import { storeOf } from '../checkpoint/store.ts';
import type { RotationContext } from '../context.ts';
import { isAbort, retry } from '../database/retry.ts';
import { HeldByAnotherProcessError, RowsNotRotatedError, TooManyRowsSetAsideError } from '../errors/errors.ts';
import type { PacedContext } from '../pace/pacer.ts';
import { rotateRowsSetAside } from './rows-set-aside.ts';
import { type StuckPartitions, work } from './worker.ts';

/** Interval for checking whether another process's claim has expired, in milliseconds. */
const CLAIM_POLL_MS = 250;

/**
 * Runs workers while a partition is free, then waits for those that others hold: they become free if the others die.
 *
 * @throws HeldByAnotherProcessError when live processes hold all that is left
 * @throws RowsNotRotatedError when only rows are left that are locked or refused
 * @throws TooManyRowsSetAsideError when partitions are left that could not be finished
 */
export async function workUntilComplete(context: PacedContext, claimant: string): Promise<void> {
  const { settings, signal } = context;
  const store = storeOf(context);
  const others = watchOthers(context);
  const stuck: StuckPartitions = new Map();
  let claimed = 0;
  while (!signal.aborted) {
    claimed += await runWorkers(context, claimant, stuck);
    const open = await retry(context, () => loadOpenCheckpoints(store));
    if (open.length === 0 || signal.aborted) return;
    if (open.every((checkpoint) => isSwept(checkpoint) || stuck.has(checkpoint.partition))) {
      return finishSwept(context, claimant, stuck);
    }
    if (others.areAlive(open) && claimed === 0) throw new HeldByAnotherProcessError(settings.name, holdersOf(open));
    await sleep(CLAIM_POLL_MS, undefined, { signal });
  }
}

/** Retries what was set aside. Partitions that could not be finished then end the run, whatever became of those rows. */
async function finishSwept(context: PacedContext, claimant: string, stuck: StuckPartitions): Promise<void> {
  const [first] = stuck.values();
  if (first === undefined) return rotateRowsSetAside(context, claimant);
  await rotateRowsSetAside(context, claimant).catch((error: unknown) => {
    if (!(error instanceof RowsNotRotatedError)) throw error;
  });
  const partitions = [...stuck.keys()].sort((a, b) => a - b);
  throw new TooManyRowsSetAsideError(partitions, first.rows, first.cause);
}

/** Interval of looking whether the number of workers was changed, in milliseconds. */
const CREW_POLL_MS = 250;

/**
 * Runs workers to their end, as many as the settings in force say. If one fails, the others finish their batches first.
 *
 * @returns partitions claimed
 */
async function runWorkers(context: PacedContext, claimant: string, stuck: StuckPartitions): Promise<number> {
  const { pacer } = context;
  const failure = new AbortController();
  const signal = AbortSignal.any([context.signal, failure.signal]);
  const workers: { dismissal: AbortController; end: Promise<number>; hasEnded: boolean }[] = [];

  const hire = () => {
    const dismissal = new AbortController();
    pacer.addWorkers(1);
    const end = work({ ...context, signal }, claimant, stuck, dismissal.signal)
      .catch((error) => {
        failure.abort();
        throw error;
      })
      .finally(() => {
        worker.hasEnded = true;
        pacer.addWorkers(-1);
      });
    end.catch(() => {}); // looked at when all have ended
    const worker = { dismissal, end, hasEnded: false };
    workers.push(worker);
  };

  let hired = 0;
  while (hired === 0 || workers.some(({ hasEnded }) => !hasEnded)) {
    const wanted = pacer.settings().workers;
    for (; hired < wanted; hired += 1) hire();
    const surplus = workers.filter(({ hasEnded, dismissal }) => !hasEnded && !dismissal.signal.aborted).slice(wanted);
    for (const { dismissal } of surplus) dismissal.abort();
    hired = wanted;
    await Promise.race([
      Promise.allSettled(workers.map(({ end }) => end)),
      sleep(CREW_POLL_MS, undefined, { ref: false }),
    ]);
  }
  const ends = await Promise.allSettled(workers.map(({ end }) => end));
  const failures = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason] : []));
  // The first failure aborts what the others wait for.
  if (failures.length > 0) throw failures.find((error) => !isAbort(error)) ?? failures[0];
  return ends.reduce((sum, end) => sum + (end.status === 'fulfilled' ? end.value : 0), 0);
}

/**
 * Tells live holders from dead ones: the live ones renew their claims, complete their partitions, or keep them locked
 * for longer than any claim lasts. Reports once that this process waits for them.
 */
function watchOthers({ onEvent }: RotationContext) {
  let first: { state: string; seenAtMs: number } | undefined;
  return {
    areAlive(open: Checkpoint[]): boolean {
      const state = JSON.stringify(open.map(({ partition, claimedUntil }) => [partition, claimedUntil]));
      if (first === undefined) onEvent({ type: 'waiting', holders: holdersOf(open) });
      first ??= { state, seenAtMs: performance.now() };
      return state !== first.state || performance.now() > first.seenAtMs + 2 * CLAIM_MS;
    },
  };
}

function holdersOf(open: Checkpoint[]): string[] {
  return [...new Set(open.flatMap(({ claimedBy }) => claimedBy ?? []))];
}
