import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { rotateBatch } from './batch.ts';
import {
  type Checkpoint,
  CLAIM_MS,
  claimPartition,
  completeCheckpoint,
  loadCheckpoints,
  persistPlan,
  releaseClaims,
} from './checkpoint.ts';
import type { Database } from './database.ts';
import { ConfigurationError, HeldByAnotherProcessError } from './errors.ts';
import { nextPage } from './page.ts';
import { planPartition } from './partitions.ts';
import type { Settings } from './settings.ts';
import { TARGET } from './target.ts';
import { makeTokens } from './tokens.ts';

/** What a rotation tells while it runs. */
export type RotationEvent =
  /** Another process holds the partition; it may be dead. We wait until its claim would have expired. */
  | { type: 'waiting'; holder: string | null }
  | { type: 'started'; resumed: boolean; rowsDone: number; rowsTotal: number; totalIsEstimate: boolean }
  /** A batch has committed. */
  | { type: 'batch'; rows: number };

/** How a rotation ended. */
export type RotationResult =
  /** There is no row: nothing was written, not even a checkpoint. */
  | { outcome: 'empty' }
  /** Every token in scope has been replaced, now or (`alreadyComplete`) by an earlier run. */
  | { outcome: 'complete'; alreadyComplete: boolean; rowsDone: number; watermark: bigint; completedAt: Date }
  /** The signal was aborted. The checkpoint is saved. */
  | { outcome: 'interrupted'; rowsDone: number; rowsTotal: number; totalIsEstimate: boolean };

/** How often to look whether another process's claim has expired, in milliseconds. */
const CLAIM_POLL_MS = 250;

export interface RotationContext {
  database: Database;
  settings: Settings;
  /** Once aborted, the batch in flight is finished and the rotation stops. */
  signal: AbortSignal;
  onEvent: (event: RotationEvent) => void;
}

/**
 * Replaces every token of the target by a fresh one, in batches that commit together with their checkpoint, from
 * where the last run of this rotation stopped.
 *
 * @throws ConfigurationError when the rotation was started for another target, or its checkpoints were tampered with
 * @throws HeldByAnotherProcessError when another live process runs it
 * @throws OvertakenError when another process took it over while this one stood still
 */
export async function rotate(context: RotationContext): Promise<RotationResult> {
  const { database, settings, signal } = context;
  const planned = await loadOrPlan(database, settings.name);
  if (planned === null) return { outcome: 'empty' };
  if (planned.completedAt !== null) return completed(planned, planned.completedAt, true);

  const claimant = `${hostname()}:${process.pid}:${crypto.randomUUID().slice(0, 8)}`;
  const claimed = await claimOrWait(context, claimant);
  if (claimed === null) return signal.aborted ? { outcome: 'interrupted', ...counts(planned) } : rotate(context);
  try {
    return await rotatePartition(context, claimed);
  } finally {
    // Where the database is gone this fails too; the claim then expires by itself.
    await releaseClaims(database, settings.name, claimant).catch(() => {});
  }
}

async function loadOrPlan(database: Database, rotation: string): Promise<Checkpoint | null> {
  const [checkpoint] = await loadCheckpoints(database, rotation);
  if (checkpoint !== undefined) return refuseOtherTarget(checkpoint);
  const planned = await planPartition(database, rotation);
  if (planned === null) return null;
  await persistPlan(database, planned);
  return loadOrPlan(database, rotation);
}

function refuseOtherTarget(checkpoint: Checkpoint): Checkpoint {
  if (checkpoint.target === TARGET) return checkpoint;
  throw new ConfigurationError(
    `rotation '${checkpoint.rotation}' was started for ${checkpoint.target}, not ${TARGET}. Choose another --name.`,
  );
}

/**
 * Claims the partition. When somebody else's claim is on it, waits for as long as the claim of a dead process lasts:
 * a holder that renews its claim meanwhile, or whose batch keeps the row locked, is alive.
 *
 * @returns null when the rotation was completed, or the signal aborted, while we waited
 */
async function claimOrWait(context: RotationContext, claimant: string): Promise<Checkpoint | null> {
  const { database, settings, signal, onEvent } = context;
  let seen: Checkpoint | undefined;
  const deadlineMs = performance.now() + 2 * CLAIM_MS;
  while (!signal.aborted) {
    const claimed = await claimPartition(database, settings.name, claimant);
    if (claimed !== null) return claimed;
    const [current] = await loadCheckpoints(database, settings.name);
    if (current === undefined || current.completedAt !== null) return null;
    if (seen === undefined) onEvent({ type: 'waiting', holder: current.claimedBy });
    seen ??= current;
    if (isAlive(seen, current) || performance.now() > deadlineMs) {
      throw new HeldByAnotherProcessError(settings.name, current.claimedBy);
    }
    await sleep(CLAIM_POLL_MS);
  }
  return null;
}

function isAlive(seen: Checkpoint, current: Checkpoint): boolean {
  return current.claimedUntil !== null && current.claimedUntil.getTime() !== seen.claimedUntil?.getTime();
}

async function rotatePartition(context: RotationContext, claimed: Checkpoint): Promise<RotationResult> {
  const { database, settings, signal, onEvent } = context;
  let checkpoint = claimed;
  onEvent({ type: 'started', resumed: checkpoint.cursor !== null, ...counts(checkpoint) });
  while (!signal.aborted) {
    const rest = { after: checkpoint.cursor ?? checkpoint.lowerBound, upTo: checkpoint.upperBound };
    const page = await nextPage(database, rest, settings.batchSize);
    if (page === null) return completed(checkpoint, await completeCheckpoint(database, checkpoint), false);
    const advanced = await rotateBatch(database, checkpoint, page, makeTokens(page.keys.length));
    onEvent({ type: 'batch', rows: Number(advanced.rowsRotated - checkpoint.rowsRotated) });
    checkpoint = advanced;
  }
  return { outcome: 'interrupted', ...counts(checkpoint) };
}

function counts({ rowsRotated, rowsTotal, totalIsEstimate }: Checkpoint) {
  return { rowsDone: Number(rowsRotated), rowsTotal: Number(rowsTotal), totalIsEstimate };
}

function completed(checkpoint: Checkpoint, completedAt: Date, alreadyComplete: boolean): RotationResult {
  const { rowsDone } = counts(checkpoint);
  return { outcome: 'complete', alreadyComplete, rowsDone, watermark: checkpoint.upperBound, completedAt };
}
