import { hostname } from 'node:os';
import { type Checkpoint, countRotated, type Key } from '../checkpoint/checkpoints.ts';
import { releaseClaims } from '../checkpoint/claims.ts';
import { condemnedTokensOf } from '../checkpoint/condemned-tokens.ts';
import { loadRecorded, loadTrusted, type RecordedRotation } from '../checkpoint/coverage.ts';
import { rotationDeleted } from '../checkpoint/rotation-record.ts';
import type { Run } from '../checkpoint/runs.ts';
import { storeOf } from '../checkpoint/store.ts';
import type { RotationContext } from '../context.ts';
import { isAbort, retry } from '../database/retry.ts';
import { limitConnections, ownSession } from '../database/session.ts';
import { type Control, startControl } from '../pace/control.ts';
import { startPacer } from '../pace/pacer.ts';
import { assertLagIsVisible } from '../pace/replica-lag.ts';
import { throttleChecks } from '../pace/throttle-checks.ts';
import { watchThrottles } from '../pace/throttle-watch.ts';
import { planRotation } from '../plan/plan-rotation.ts';
import { assertReady, readRecords } from '../preflight/preflight.ts';
import { assertVerified } from './proof.ts';
import { workUntilComplete } from './workers.ts';

/** The end of a rotation. */
export type RotationResult =
  /** There is no row: nothing was written, not even a checkpoint. */
  | { outcome: 'empty' }
  /** Every token in scope has been replaced, now or (`alreadyComplete`) by an earlier run. */
  | {
      outcome: 'complete';
      alreadyComplete: boolean;
      rowsDone: number;
      watermark: Key;
      /** Start of its first run. */
      startedAt: Date;
      completedAt: Date;
      /** Time when verification passed. */
      verifiedAt: Date;
    }
  /** The signal was aborted. The checkpoints are saved; `counts` is null if the database does not answer. */
  | { outcome: 'interrupted'; counts: Counts | null };

/** Progress of all processes together. */
export interface Counts {
  rowsDone: number;
  rowsTotal: number;
  totalIsEstimate: boolean;
}

/** Interval for counting the rows that all processes have rotated, in milliseconds. */
const TOTAL_INTERVAL_MS = 2_000;

/**
 * Replaces every token of the target with a fresh one, in batches that commit together with their checkpoint. Continues
 * where the last run of this rotation stopped; other processes may run it at the same time. Retries passing faults, and
 * sets aside rows that are locked or refused until all others are done.
 *
 * @throws ConfigurationError when the rotation was started for another target, or its checkpoints were tampered with
 * @throws HeldByAnotherProcessError when live processes hold all that is left to do
 * @throws RowsNotRotatedError when only rows are left that are locked or refused
 * @throws NotVerifiedError when a leaked token survives, or when that is not certain
 * @throws GaveUpError when a passing fault lasted too long
 * @throws NoAnswerError when the server never answered
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
  const { database, target, settings, signal, only, onEvent } = context;
  const store = storeOf(context);
  const load = () => loadTrusted(store, target, only?.sha256 ?? null);
  let recorded = await readRecords(context, load);
  if (recorded !== null && isComplete(recorded)) {
    // A repeated run must not pass where verification of the one before failed.
    return conclude(recorded, true, recorded.rotation.verifiedAt ?? (await assertVerified(context, recorded)));
  }
  await assertReady(context);
  if (settings.maxReplicaLagMs !== null) await retry(context, () => assertLagIsVisible(database));
  if (recorded === null || recorded.rotation.plannedAt === null) {
    const listed = only && (await (await import('./listed.ts')).lookUpList(context, only));
    if ((await planRotation(context, listed?.survivors.count)) === 'empty') return { outcome: 'empty' };
    recorded = await retry(context, load);
  }
  if (recorded === null) throw rotationDeleted(settings.name);

  onEvent({
    type: 'started',
    resumed: recorded.checkpoints.some(({ cursor }) => cursor !== null),
    partitions: recorded.checkpoints.length,
    ...counts(recorded.checkpoints),
  });
  const claimant = { host: hostname(), pid: process.pid, id: newClaimant() };
  const control = await startControl(context, claimant);
  let outcome: Run['outcome'] = 'failed';
  try {
    const observed = { ...context, onEvent: observedBy(control, onEvent) };
    const result = await workAndVerify(observed, recorded, control, claimant.id);
    outcome = result.outcome === 'complete' ? 'complete' : 'interrupted';
    return result;
  } catch (error) {
    if (signal.aborted && isAbort(error)) outcome = 'interrupted';
    throw error;
  } finally {
    await control.end(outcome);
  }
}

/** Unique among all processes that ever ran. */
function newClaimant(): string {
  return `${hostname()}:${process.pid}:${crypto.randomUUID().slice(0, 8)}`;
}

function observedBy(control: Control, onEvent: RotationContext['onEvent']): RotationContext['onEvent'] {
  return (event) => {
    control.observe(event);
    onEvent(event);
  };
}

async function workAndVerify(
  context: RotationContext,
  recorded: RecordedRotation,
  control: Control,
  claimant: string,
): Promise<RotationResult> {
  const { target, settings, signal } = context;
  const store = storeOf(context);
  limitConnections(context.database, () => control.settings().workers + 1);
  const throttles = await watchThrottles(context, throttleChecks(context), control.settings);
  const pacer = startPacer(context, control, throttles);
  const stopCounting = reportTotal(context);
  try {
    try {
      await workUntilComplete({ ...context, condemned: condemnedTokensOf(recorded.rotation), pacer }, claimant);
    } catch (error) {
      if (!signal.aborted || !isAbort(error)) throw error;
    } finally {
      stopCounting();
      // If the database is gone, this fails, too, and the claims expire by themselves.
      await releaseClaims(store, claimant).catch(() => {});
    }
    const swept = await retry(context, () => loadRecorded(store, target));
    if (swept === null) throw rotationDeleted(settings.name);
    if (!isComplete(swept)) return { outcome: 'interrupted', counts: counts(swept.checkpoints) };
    const verifiedAt = swept.rotation.verifiedAt ?? (await assertVerified(context, swept, pacer.untilAllowed));
    return conclude(swept, false, verifiedAt);
  } finally {
    throttles.stop();
    limitConnections(context.database, () => Number.POSITIVE_INFINITY);
  }
}

/** Reports at intervals how many rows all processes have rotated. @returns a function that stops it */
function reportTotal(context: RotationContext): () => void {
  const store = storeOf(context);
  const timer = setInterval(() => {
    countRotated(store).then(
      (rowsDone) => context.onEvent({ type: 'total', rowsDone }),
      () => {}, // only the display misses it; a worker reports the fault
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
  const { startedAt } = rotation;
  return { outcome: 'complete', alreadyComplete, rowsDone, watermark, startedAt, completedAt, verifiedAt };
}
