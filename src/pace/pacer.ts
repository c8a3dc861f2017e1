import { setTimeout as sleep } from 'node:timers/promises';
import type { Checkpoint } from '../checkpoint/checkpoints.ts';
import { CLAIM_MS, renewClaim } from '../checkpoint/claims.ts';
import { storeOf } from '../checkpoint/store.ts';
import type { Settings } from '../config/settings.ts';
import type { PlannedContext, RotationContext } from '../context.ts';
import { retry } from '../database/retry.ts';
import { formatCount } from '../text/format.ts';
import type { Control, Hold } from './control.ts';
import { batchLimit, book, giveBack, type Schedule } from './throttle.ts';
import type { ThrottleWatch } from './throttle-watch.ts';

/** Holds all workers of this process back, as orders and throttles say. */
export interface Pacer {
  /** The settings in force. */
  settings(): Settings;
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
  /** Waits while nothing may be written, for what has no partition. @throws AbortError when the signal is aborted */
  untilAllowed(signal: AbortSignal): Promise<void>;
  /** Notes that a worker has begun or ended. */
  addWorkers: Control['addWorkers'];
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

/** Interval of looking whether the rotation is still held back, in milliseconds. */
const HOLD_MS = 250;

export function startPacer(context: RotationContext, control: Control, throttles: ThrottleWatch): Pacer {
  const { onEvent } = context;
  let schedule: Schedule = { freeAtMs: 0 };
  /** Time when a partition's claim was last known to be fresh, across the pauses between two batches. */
  const renewedAtMs = new Map<number, number>();
  const holdsBack = () => control.holdsBack() ?? throttles.holdsBack();
  const say = ({ reason, detail }: Hold, waitMs: number) => onEvent({ type: 'throttled', reason, detail, waitMs });

  async function pause(checkpoint: Checkpoint, ms: number, signal: AbortSignal, hold: Hold) {
    if (ms > 0) say(hold, ms);
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
    settings: control.settings,
    addWorkers: control.addWorkers,
    limit(size) {
      const rate = control.rowsPerSecond();
      return rate === null ? size : Math.min(size, batchLimit(rate, control.settings().targetBatchMs));
    },
    async beforeBatch(checkpoint, rows, signal) {
      let current = checkpoint;
      for (let hold = holdsBack(); hold !== undefined; hold = holdsBack()) {
        current = await pause(current, HOLD_MS, signal, hold);
      }
      const rate = control.rowsPerSecond();
      if (rate === null) return current;
      const booked = book(schedule, rows, rate, performance.now());
      schedule = booked.schedule;
      return pause(current, booked.startAtMs - performance.now(), signal, holdOfRate(control.settings()));
    },
    async afterBatch(checkpoint, { booked, rows, durationMs }, signal) {
      renewedAtMs.set(checkpoint.partition, performance.now()); // its checkpoint did that
      const rate = control.rowsPerSecond();
      if (rate !== null) schedule = giveBack(schedule, booked - rows, rate);
      const slower = throttles.slowsDown();
      const { pauseRatio } = control.settings();
      const hold = slower !== undefined && slower.ratio > pauseRatio ? slower.hold : PAUSE_RATIO;
      return pause(checkpoint, Math.max(pauseRatio, slower?.ratio ?? 0) * durationMs, signal, hold);
    },
    async untilAllowed(signal) {
      for (let hold = holdsBack(); hold !== undefined; hold = holdsBack()) {
        say(hold, HOLD_MS);
        await sleep(HOLD_MS, undefined, { signal });
      }
    },
  };
}

function holdOfRate({ maxRowsPerSecond }: Settings): Hold {
  const detail = `${formatCount(maxRowsPerSecond ?? 0)} rows/s at most (--max-rows-per-second)`;
  return { reason: '--max-rows-per-second', detail };
}

const PAUSE_RATIO: Hold = { reason: '--pause-ratio', detail: '--pause-ratio' };
