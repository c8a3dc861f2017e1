import { setTimeout as sleep } from 'node:timers/promises';
import type { Checkpoint } from '../checkpoint/checkpoints.ts';
import { CLAIM_MS, renewClaim } from '../checkpoint/claims.ts';
import { storeOf } from '../checkpoint/store.ts';
import type { PlannedContext, RotationContext } from '../context.ts';
import { retry } from '../database/retry.ts';
import { watchReplicas } from './replica-watch.ts';
import { batchLimit, book, giveBack, type Schedule } from './throttle.ts';

/** Holds all workers of this process back, as the throttles of the settings say. */
export interface Pacer {
  /** @returns how many of so many rows the next batch may have */
  limit(size: number): number;
  /**
   * Waits until a batch of so many rows may start, and keeps the claim alive in the meantime.
   *
   * @param signal the worker's own
   * @returns the checkpoint as it then stands
   * @throws AbortError at once when the signal is aborted
   */
  beforeBatch(checkpoint: Checkpoint, rows: number, signal: AbortSignal): Promise<Checkpoint>;
  /** Takes back what was booked and not needed, then waits in proportion to how long the batch took. */
  afterBatch(checkpoint: Checkpoint, batch: PacedBatch, signal: AbortSignal): Promise<Checkpoint>;
  stop(): void;
}

/** A batch, as the pacer needs to know it. */
export interface PacedBatch {
  booked: number;
  rows: number;
  durationMs: number;
}

/** The context of the workers. */
export interface PacedContext extends PlannedContext {
  pacer: Pacer;
}

/** Age at which a claim is renewed during a pause, in milliseconds. */
const RENEWAL_MS = CLAIM_MS / 3;

/** Interval of looking at a replica while waiting for it, in milliseconds. */
const REPLICA_PAUSE_MS = 500;

export function startPacer(context: RotationContext): Pacer {
  const { settings, onEvent } = context;
  const { maxRowsPerSecond, pauseRatio, maxReplicaLagMs, targetBatchMs } = settings;
  const replicas = maxReplicaLagMs === null ? undefined : watchReplicas(context, maxReplicaLagMs);
  let schedule: Schedule = { freeAtMs: 0 };
  /** Time when a partition's claim was last known to be fresh, across the pauses between two batches. */
  const renewedAtMs = new Map<number, number>();

  async function pause(checkpoint: Checkpoint, ms: number, signal: AbortSignal, reason: string, detail = reason) {
    if (ms > 0) onEvent({ type: 'throttled', reason, detail, waitMs: ms });
    let current = checkpoint;
    const untilMs = performance.now() + ms;
    for (let leftMs = ms; leftMs > 0; leftMs = untilMs - performance.now()) {
      await sleep(Math.min(leftMs, RENEWAL_MS), undefined, { signal });
      current = await keepClaim(current, signal);
    }
    return current;
  }

  async function keepClaim(checkpoint: Checkpoint, signal: AbortSignal): Promise<Checkpoint> {
    const { partition } = checkpoint;
    const renewedMs = renewedAtMs.get(partition) ?? Number.NEGATIVE_INFINITY;
    if (performance.now() - renewedMs < RENEWAL_MS) return checkpoint;
    const renewed = await retry({ ...context, signal }, () => renewClaim(storeOf(context), checkpoint), checkpoint);
    renewedAtMs.set(partition, performance.now());
    return renewed;
  }

  return {
    limit: (size) => (maxRowsPerSecond === null ? size : Math.min(size, batchLimit(maxRowsPerSecond, targetBatchMs))),
    async beforeBatch(checkpoint, rows, signal) {
      let current = checkpoint;
      for (let behind = replicas?.behind(); behind !== undefined; behind = replicas?.behind()) {
        current = await pause(current, REPLICA_PAUSE_MS, signal, '--max-replica-lag-ms', behind);
      }
      if (maxRowsPerSecond === null) return current;
      const booked = book(schedule, rows, maxRowsPerSecond, performance.now());
      schedule = booked.schedule;
      return pause(current, booked.startAtMs - performance.now(), signal, '--max-rows-per-second');
    },
    async afterBatch(checkpoint, { booked, rows, durationMs }, signal) {
      renewedAtMs.set(checkpoint.partition, performance.now()); // its checkpoint did that
      if (maxRowsPerSecond !== null) schedule = giveBack(schedule, booked - rows, maxRowsPerSecond);
      return pause(checkpoint, pauseRatio * durationMs, signal, '--pause-ratio');
    },
    stop: () => replicas?.stop(),
  };
}
