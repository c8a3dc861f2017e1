import { setTimeout as sleep } from 'node:timers/promises';
import type { Checkpoint } from './checkpoint/checkpoints.ts';
import { CLAIM_MS, renewClaim } from './checkpoint/claims.ts';
import { storeOf } from './checkpoint/store.ts';
import type { PlannedContext, RotationContext } from './context.ts';
import { watchReplicas } from './replica-watch.ts';
import { retry } from './retry.ts';
import { batchLimit, book, giveBack, type Schedule } from './throttle.ts';

/** Holds all workers of this process back as far as the settings say, for the sake of others. */
export interface Pacer {
  /** @returns how many of so many rows the next batch may have */
  limit(size: number): number;
  /**
   * Waits until a batch of so many rows may start, and keeps the claim alive meanwhile.
   *
   * @returns the checkpoint as it then stands
   * @throws AbortError at once when the signal is aborted
   */
  beforeBatch(checkpoint: Checkpoint, rows: number): Promise<Checkpoint>;
  /** Takes back what was booked and not needed, then waits in proportion to how long the batch took. */
  afterBatch(checkpoint: Checkpoint, booked: number, rows: number, durationMs: number): Promise<Checkpoint>;
  stop(): void;
}

/** What the workers are given. */
export interface PacedContext extends PlannedContext {
  pacer: Pacer;
}

/** How often a claim is renewed while waiting, in milliseconds. */
const RENEWAL_MS = CLAIM_MS / 3;

/** How long to wait before looking at a replica again, in milliseconds. */
const REPLICA_PAUSE_MS = 500;

export function startPacer(context: RotationContext): Pacer {
  const { settings, signal, onEvent } = context;
  const { maxRowsPerSecond, pauseRatio, maxReplicaLagMs, targetBatchMs } = settings;
  const replicas = maxReplicaLagMs === null ? undefined : watchReplicas(context, maxReplicaLagMs);
  let schedule: Schedule = { freeAtMs: 0 };

  async function pause(checkpoint: Checkpoint, ms: number, reason: string, detail = reason): Promise<Checkpoint> {
    if (ms > 0) onEvent({ type: 'throttled', reason, detail, waitMs: ms });
    let current = checkpoint;
    for (let leftMs = ms; leftMs > 0; leftMs -= RENEWAL_MS) {
      await sleep(Math.min(leftMs, RENEWAL_MS), undefined, { signal });
      if (ms >= RENEWAL_MS) current = await retry(context, () => renewClaim(storeOf(context), current), checkpoint);
    }
    return current;
  }

  return {
    limit: (size) => (maxRowsPerSecond === null ? size : Math.min(size, batchLimit(maxRowsPerSecond, targetBatchMs))),
    async beforeBatch(checkpoint, rows) {
      let current = checkpoint;
      for (let behind = replicas?.behind(); behind !== undefined; behind = replicas?.behind()) {
        current = await pause(current, REPLICA_PAUSE_MS, '--max-replica-lag-ms', behind);
      }
      if (maxRowsPerSecond === null) return current;
      const booked = book(schedule, rows, maxRowsPerSecond, performance.now());
      schedule = booked.schedule;
      return pause(current, booked.startAtMs - performance.now(), '--max-rows-per-second');
    },
    async afterBatch(checkpoint, booked, rows, durationMs) {
      if (maxRowsPerSecond !== null) schedule = giveBack(schedule, booked - rows, maxRowsPerSecond);
      return pause(checkpoint, pauseRatio * durationMs, '--pause-ratio');
    },
    stop: () => replicas?.stop(),
  };
}
