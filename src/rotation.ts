import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Checkpoint,
  CLAIM_MS,
  countRotated,
  isSwept,
  type Key,
  loadCheckpoints,
  loadOpenCheckpoints,
  persistPlan,
  recordVerification,
  releaseClaims,
} from './checkpoint.ts';
import type { RotationContext } from './context.ts';
import { loadTrusted } from './coverage.ts';
import { HeldByAnotherProcessError, NotVerifiedError } from './errors.ts';
import { type PacedContext, startPacer } from './pace.ts';
import { planPartitions } from './partitions.ts';
import { assertReady } from './preflight.ts';
import { assertLagIsVisible } from './replica-watch.ts';
import { isAbort, retry } from './retry.ts';
import { rotateRowsSetAside } from './set-aside.ts';
import { verifyRotation } from './verify.ts';
import { work } from './worker.ts';

/** How a rotation ended. */
export type RotationResult =
  /** There is no row: nothing was written, not even a checkpoint. */
  | { outcome: 'empty' }
  /** Every token in scope has been replaced, now or (`alreadyComplete`) by an earlier run. */
  | { outcome: 'complete'; alreadyComplete: boolean; rowsDone: number; watermark: Key; completedAt: Date }
  /** The signal was aborted. The checkpoints are saved; `counts` is null where nobody answers. */
  | { outcome: 'interrupted'; counts: Counts | null };

/** How far all processes together are. */
export interface Counts {
  rowsDone: number;
  rowsTotal: number;
  totalIsEstimate: boolean;
}

/** How often the rows done by all processes are summed up, in milliseconds. */
const TOTAL_INTERVAL_MS = 2_000;

/** How often to look whether another process's claim has expired, in milliseconds. */
const CLAIM_POLL_MS = 250;

/**
 * Replaces every token of the target by a fresh one, in batches that commit together with their checkpoint, from
 * where the last run of this rotation stopped. Other processes may do the same at the same time. Faults that pass by
 * themselves are waited out; rows that are in the way are passed over and tried again at the end.
 *
 * @throws ConfigurationError when the rotation was started for another target, or its checkpoints were tampered with
 * @throws HeldByAnotherProcessError when live processes hold all that is left to do
 * @throws RowsNotRotatedError when everything is done but some rows that are locked or refused
 * @throws NotVerifiedError when the result is not what it should be
 * @throws GaveUpError when a fault did not pass in time
 */
export async function rotate(context: RotationContext): Promise<RotationResult> {
  try {
    return await rotateFromCheckpoints(context);
  } catch (error) {
    if (context.signal.aborted && isAbort(error)) return { outcome: 'interrupted', counts: null };
    throw error;
  }
}

async function rotateFromCheckpoints(context: RotationContext): Promise<RotationResult> {
  const { database, target, settings, signal, onEvent } = context;
  const recorded = await retry(context, () => loadTrusted(database, target, settings.name));
  if (recorded.length > 0 && isComplete(recorded)) {
    // A run that is tried again must not pass where the one before was found wanting.
    if (recorded.some(({ verifiedAt }) => verifiedAt === null)) await assertVerified(context);
    return conclude(recorded, true);
  }
  await retry(context, () => assertReady(context));
  const plan = recorded.length > 0 ? recorded : await retry(context, () => planAnew(context));
  if (plan.length === 0) return { outcome: 'empty' };
  if (settings.maxReplicaLagMs !== null) await retry(context, () => assertLagIsVisible(database));

  onEvent({
    type: 'started',
    resumed: plan.some(({ cursor }) => cursor !== null),
    partitions: plan.length,
    ...counts(plan),
  });
  const claimant = `${hostname()}:${process.pid}:${crypto.randomUUID().slice(0, 8)}`;
  const stopCounting = reportTotal(context);
  const pacer = startPacer(context);
  try {
    await workUntilComplete({ ...context, pacer }, claimant);
  } catch (error) {
    if (!signal.aborted || !isAbort(error)) throw error;
  } finally {
    stopCounting();
    pacer.stop();
    // Where the database is gone this fails too; the claims then expire by themselves.
    await releaseClaims(database, settings.name, claimant).catch(() => {});
  }
  const checkpoints = await retry(context, () => loadCheckpoints(database, settings.name));
  if (!isComplete(checkpoints)) return { outcome: 'interrupted', counts: counts(checkpoints) };
  await assertVerified(context);
  return conclude(checkpoints, false);
}

/** Completeness is proven, never assumed. */
async function assertVerified(context: RotationContext): Promise<void> {
  const { database, settings, onEvent } = context;
  onEvent({ type: 'verifying' });
  const findings = await verifyRotation(context);
  onEvent({ type: 'verified', findings });
  const faults = findings.filter(({ level }) => level === 'stop');
  if (faults.length > 0) throw new NotVerifiedError(settings.name, faults);
  await retry(context, () => recordVerification(database, settings.name));
}

async function planAnew({ database, target, settings }: RotationContext): Promise<Checkpoint[]> {
  await persistPlan(database, await planPartitions(database, target, settings.name));
  return loadTrusted(database, target, settings.name); // another process may have been quicker
}

/** Works while there is something to claim, then waits for what others hold: it comes free if they die. */
async function workUntilComplete(context: PacedContext, claimant: string): Promise<void> {
  const { database, settings, signal } = context;
  const others = watchOthers(context);
  let claimed = 0;
  while (!signal.aborted) {
    claimed += await runWorkers(context, claimant);
    const open = await retry(context, () => loadOpenCheckpoints(database, settings.name));
    if (open.length === 0 || signal.aborted) return;
    if (open.every(isSwept)) return rotateRowsSetAside(context, claimant);
    if (others.areAlive(open) && claimed === 0) throw new HeldByAnotherProcessError(settings.name, holdersOf(open));
    await sleep(CLAIM_POLL_MS, undefined, { signal });
  }
}

/** Runs all workers to their end. When one fails, the others finish their batches first. @returns partitions claimed */
async function runWorkers(context: PacedContext, claimant: string): Promise<number> {
  const failure = new AbortController();
  const signal = AbortSignal.any([context.signal, failure.signal]);
  const workers = Array.from({ length: context.settings.workers }, async () => {
    try {
      return await work({ ...context, signal }, claimant);
    } catch (error) {
      failure.abort();
      throw error;
    }
  });
  const ends = await Promise.allSettled(workers);
  const failures = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason] : []));
  // The first that failed cut the waits of the others short.
  if (failures.length > 0) throw failures.find((error) => !isAbort(error)) ?? failures[0];
  return ends.reduce((sum, end) => sum + (end.status === 'fulfilled' ? end.value : 0), 0);
}

/**
 * Tells living holders from dead ones: the living renew their claims, complete their partitions, or keep them locked
 * for longer than any claim lasts. Says once that we wait for them.
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

/** Reports now and then what all processes together have done. @returns what ends it */
function reportTotal({ database, settings, onEvent }: RotationContext): () => void {
  const timer = setInterval(() => {
    countRotated(database, settings.name).then(
      (rowsDone) => onEvent({ type: 'total', rowsDone }),
      () => {}, // only the display misses it; the workers will say what is wrong
    );
  }, TOTAL_INTERVAL_MS);
  return () => clearInterval(timer);
}

function isComplete(checkpoints: readonly Checkpoint[]): boolean {
  return checkpoints.every(({ completedAt }) => completedAt !== null);
}

function counts(checkpoints: readonly Checkpoint[]): Counts {
  const sum = (field: 'rowsRotated' | 'rowsTotal') =>
    Number(checkpoints.reduce((total, checkpoint) => total + checkpoint[field], 0n));
  const totalIsEstimate = checkpoints.some((checkpoint) => checkpoint.totalIsEstimate);
  return { rowsDone: sum('rowsRotated'), rowsTotal: sum('rowsTotal'), totalIsEstimate };
}

function conclude(checkpoints: readonly Checkpoint[], alreadyComplete: boolean): RotationResult {
  const completedAt = new Date(Math.max(...checkpoints.map((checkpoint) => Number(checkpoint.completedAt))));
  const watermark = checkpoints[0]?.watermark ?? '';
  return { outcome: 'complete', alreadyComplete, rowsDone: counts(checkpoints).rowsDone, watermark, completedAt };
}
