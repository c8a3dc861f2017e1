import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Checkpoint, countRotated, isSwept, type Key, loadOpenCheckpoints } from '../checkpoint/checkpoints.ts';
import { CLAIM_MS, releaseClaims } from '../checkpoint/claims.ts';
import { condemnedTokensOf } from '../checkpoint/condemned-tokens.ts';
import { loadRecorded, loadTrusted, type RecordedRotation } from '../checkpoint/coverage.ts';
import { recordVerification } from '../checkpoint/rotation-record.ts';
import { storeOf } from '../checkpoint/store.ts';
import type { PlannedContext, RotationContext } from '../context.ts';
import { isAbort, retry } from '../database/retry.ts';
import { ownSession } from '../database/session.ts';
import { ConfigurationError, HeldByAnotherProcessError, NotVerifiedError } from '../errors/errors.ts';
import type { Finding } from '../finding.ts';
import { type PacedContext, startPacer } from '../pace/pacer.ts';
import { assertLagIsVisible } from '../pace/replica-watch.ts';
import { forgetCondemnedTokens } from '../plan/condemn.ts';
import { planRotation } from '../plan/plan-rotation.ts';
import { assertReady, readRecords } from '../preflight/preflight.ts';
import { formatTime } from '../text/format.ts';
import { checkCoverage, findingsOf, verifyRotation } from '../verify/verify.ts';
import { rotateRowsSetAside } from './rows-set-aside.ts';
import { rotateSurvivors } from './survivors.ts';
import { work } from './worker.ts';

/** How a rotation ended. */
export type RotationResult =
  /** There is no row: nothing was written, not even a checkpoint. */
  | { outcome: 'empty' }
  /** Every token in scope has been replaced, now or (`alreadyComplete`) by an earlier run. */
  | {
      outcome: 'complete';
      alreadyComplete: boolean;
      rowsDone: number;
      watermark: Key;
      completedAt: Date;
      /** When its verification passed. */
      verifiedAt: Date;
    }
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
 * @throws NotVerifiedError when a leaked token survives, or the result is not what it should be
 * @throws GaveUpError when a fault did not pass in time
 */
export async function rotate(context: RotationContext): Promise<RotationResult> {
  try {
    return await rotateFromCheckpoints({ ...context, database: ownSession(context.database) });
  } catch (error) {
    if (context.signal.aborted && isAbort(error)) return { outcome: 'interrupted', counts: null };
    throw error;
  }
}

async function rotateFromCheckpoints(context: RotationContext): Promise<RotationResult> {
  const { database, target, settings, signal, onEvent } = context;
  const store = storeOf(context);
  let recorded = await readRecords(context, () => loadTrusted(store, target));
  if (recorded !== null && isComplete(recorded)) {
    // A run that is tried again must not pass where the one before was found wanting.
    return conclude(recorded, true, recorded.rotation.verifiedAt ?? (await assertVerified(context, recorded)));
  }
  await retry(context, () => assertReady(context));
  if (settings.maxReplicaLagMs !== null) await retry(context, () => assertLagIsVisible(database));
  if (recorded === null || recorded.rotation.plannedAt === null) {
    if ((await planRotation(context)) === 'empty') return { outcome: 'empty' };
    recorded = await retry(context, () => loadTrusted(store, target));
  }
  if (recorded === null) throw deleted(context);

  onEvent({
    type: 'started',
    resumed: recorded.checkpoints.some(({ cursor }) => cursor !== null),
    partitions: recorded.checkpoints.length,
    ...counts(recorded.checkpoints),
  });
  const claimant = `${hostname()}:${process.pid}:${crypto.randomUUID().slice(0, 8)}`;
  const stopCounting = reportTotal(context);
  const pacer = startPacer(context);
  try {
    await workUntilComplete({ ...context, condemned: condemnedTokensOf(recorded.rotation), pacer }, claimant);
  } catch (error) {
    if (!signal.aborted || !isAbort(error)) throw error;
  } finally {
    stopCounting();
    pacer.stop();
    // Where the database is gone this fails too; the claims then expire by themselves.
    await releaseClaims(store, claimant).catch(() => {});
  }
  const swept = await retry(context, () => loadRecorded(store, target));
  if (swept === null) throw deleted(context);
  if (!isComplete(swept)) return { outcome: 'interrupted', counts: counts(swept.checkpoints) };
  return conclude(swept, false, swept.rotation.verifiedAt ?? (await assertVerified(context, swept)));
}

function deleted({ settings }: RotationContext): ConfigurationError {
  return new ConfigurationError(`rotation '${settings.name}' was deleted while it ran.`);
}

/**
 * Completeness is proven, never assumed: every row is looked at, and what still holds a leaked token is rotated.
 *
 * @returns when that was certain
 * @throws NotVerifiedError when that does not lead to a result that is certain
 */
async function assertVerified(context: RotationContext, recorded: RecordedRotation): Promise<Date> {
  const { settings, onEvent } = context;
  const store = storeOf(context);
  onEvent({ type: 'verifying' });
  const findings = await verifyOrRotateSurvivors(context, recorded);
  onEvent({ type: 'verified', findings });
  const faults = findings.filter(({ level }) => level === 'stop');
  if (faults.length > 0) throw new NotVerifiedError(settings.name, faults);
  const verifiedAt = await retry(context, () => recordVerification(store));
  if (!settings.keepCondemned) await retry(context, () => forgetCondemnedTokens(store));
  return verifiedAt;
}

async function verifyOrRotateSurvivors(context: RotationContext, recorded: RecordedRotation): Promise<Finding[]> {
  const { target } = context;
  const condemned = condemnedTokensOf(recorded.rotation);
  const { watermark } = recorded.rotation;
  if (condemned === null || watermark === null) return verifyRotation(context);
  const coverage = await checkCoverage(context, recorded);
  if (coverage.level === 'stop') return [coverage];
  const { scan, faults } = await rotateSurvivors({ ...context, condemned } satisfies PlannedContext, watermark);
  const now = await retry(context, () => loadRecorded(storeOf(context), target));
  if (now === null) throw deleted(context);
  if (now.rotation.verifiedAt !== null) return [verifiedByAnother(now.rotation.verifiedAt)];
  return [coverage, ...(await findingsOf(context, now, scan, faults))];
}

/** It may have removed the hashes before this process has looked for them. */
function verifiedByAnother(verifiedAt: Date): Finding {
  return {
    check: 'condemned-tokens',
    level: 'ok',
    message: `Another process has verified the rotation at ${formatTime(verifiedAt)}.`,
  };
}

/** Works while there is something to claim, then waits for what others hold: it comes free if they die. */
async function workUntilComplete(context: PacedContext, claimant: string): Promise<void> {
  const { settings, signal } = context;
  const store = storeOf(context);
  const others = watchOthers(context);
  let claimed = 0;
  while (!signal.aborted) {
    claimed += await runWorkers(context, claimant);
    const open = await retry(context, () => loadOpenCheckpoints(store));
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
function reportTotal(context: RotationContext): () => void {
  const store = storeOf(context);
  const timer = setInterval(() => {
    countRotated(store).then(
      (rowsDone) => context.onEvent({ type: 'total', rowsDone }),
      () => {}, // only the display misses it; the workers will say what is wrong
    );
  }, TOTAL_INTERVAL_MS);
  return () => clearInterval(timer);
}

function isComplete({ rotation, checkpoints }: RecordedRotation): boolean {
  return rotation.plannedAt !== null && checkpoints.every(({ completedAt }) => completedAt !== null);
}

function counts(checkpoints: readonly Checkpoint[]): Counts {
  const sum = (field: 'rowsRotated' | 'rowsTotal') =>
    Number(checkpoints.reduce((total, checkpoint) => total + checkpoint[field], 0n));
  const totalIsEstimate = checkpoints.some((checkpoint) => checkpoint.totalIsEstimate);
  return { rowsDone: sum('rowsRotated'), rowsTotal: sum('rowsTotal'), totalIsEstimate };
}

function conclude(
  { rotation, checkpoints }: RecordedRotation,
  alreadyComplete: boolean,
  verifiedAt: Date,
): RotationResult {
  const completedAt = new Date(Math.max(...checkpoints.map((checkpoint) => Number(checkpoint.completedAt))));
  const watermark = rotation.watermark ?? '';
  const { rowsDone } = counts(checkpoints);
  return { outcome: 'complete', alreadyComplete, rowsDone, watermark, completedAt, verifiedAt };
}
