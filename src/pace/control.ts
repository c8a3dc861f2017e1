import { setTimeout as sleep } from 'node:timers/promises';
import type { Order } from '../checkpoint/orders.ts';
import { beginRun, giveSignOfLife, type Orders, type Run } from '../checkpoint/runs.ts';
import { storeOf } from '../checkpoint/store.ts';
import { inForce } from '../config/overrides.ts';
import type { Settings } from '../config/settings.ts';
import type { RotationContext, RotationEvent } from '../context.ts';
import { retry } from '../database/retry.ts';
import { formatTime } from '../text/format.ts';

/** Why nothing may be written now. */
export interface Hold {
  /** The throttle: an option, `pause`, or another name. */
  reason: string;
  /** What it has read, for a status line. */
  detail: string;
}

/** What this process goes by while it runs, and what it says of itself. */
export interface Control {
  /** The settings in force: those of this process, but for what `set` has changed. */
  settings(): Settings;
  /** This process's share of the rate in rows per second; null: as many as it can. */
  rowsPerSecond(): number | null;
  /** @returns undefined if it may write */
  holdsBack(): Hold | undefined;
  /** Notes what this process does, for the status of the rotation. */
  observe(event: RotationEvent): void;
  /** Notes that a worker has begun or ended. */
  addWorkers(count: 1 | -1): void;
  /** Records how this process ends. */
  end(outcome: NonNullable<Run['outcome']>): Promise<void>;
}

/** Interval of signs of life, in milliseconds; orders are obeyed about as fast. */
const INTERVAL_MS = 500;

/** After this time without an answer, in milliseconds, nobody knows whether the rotation is paused. */
const STALE_MS = 5_000;

/** Time for which the reason of a wait counts after it, in milliseconds. */
const WAIT_SEEN_MS = 1_000;

/** Time over which the rate is measured, in milliseconds. */
const RATE_MS = 5_000;

/**
 * Records this process among those of the rotation, and reads the orders until it ends.
 *
 * @param run as the claims of this process name it
 */
export async function startControl(context: RotationContext, run: Pick<Run, 'id' | 'host' | 'pid'>): Promise<Control> {
  const { settings, onEvent } = context;
  const store = storeOf(context);
  const activity = startActivity();
  const stopped = new AbortController();
  let outcome: Run['outcome'] = null;

  const giveSign = () => giveSignOfLife(store, run.id, { ...activity.now(), outcome });
  let orders = await retry(context, async () => {
    await beginRun(store, run);
    return giveSign();
  });
  let readAtMs = performance.now();
  let force = inForce(settings, orders.overrides);
  if (Object.keys(orders.overrides).length > 0) onEvent({ type: 'overridden', overrides: orders.overrides });
  if (orders.isPaused && orders.latest !== null) onEvent({ type: 'order', order: orders.latest });

  const obey = (now: Orders) => {
    if (now.latest !== null && now.latest.id !== orders.latest?.id) onEvent({ type: 'order', order: now.latest });
    [orders, force, readAtMs] = [now, inForce(settings, now.overrides), performance.now()];
  };
  const keepReading = async () => {
    while (!stopped.signal.aborted) {
      await sleep(INTERVAL_MS, undefined, { signal: stopped.signal });
      // Where this fails for long, the rotation is held back; a worker reports the fault.
      await giveSign().then(obey, () => {});
    }
  };
  const reading = keepReading().catch(() => {});

  return {
    settings: () => force,
    rowsPerSecond: () => (force.maxRowsPerSecond === null ? null : force.maxRowsPerSecond / (orders.others + 1)),
    holdsBack() {
      if (performance.now() - readAtMs > STALE_MS) {
        return { reason: 'orders', detail: 'whether the rotation is paused cannot be read' };
      }
      return orders.isPaused ? { reason: 'pause', detail: describePause(orders.latest) } : undefined;
    },
    observe: activity.observe,
    addWorkers: activity.addWorkers,
    async end(how) {
      stopped.abort();
      await reading;
      outcome = how;
      // If the database is gone, this fails, too, and the process counts as dead.
      await giveSign().catch(() => {});
    },
  };
}

/** `paused until 2026-11-27 14:05:10 UTC by ada@web-1: replica rebuild` */
export function describePause(order: Order | null): string {
  if (order === null || order.pausedUntil === null) return 'paused';
  return `paused until ${formatTime(order.pausedUntil)} by ${order.givenBy}${order.reason === null ? '' : `: ${order.reason}`}`;
}

/** What this process does, from its events. */
function startActivity() {
  let rows = 0;
  let workers = 0;
  let held: (Hold & { untilMs: number }) | undefined;
  let samples = [{ atMs: performance.now(), rows: 0 }];
  return {
    observe(event: RotationEvent) {
      if (event.type === 'batch') rows += event.rows;
      if (event.type !== 'throttled') return;
      const { reason, detail, waitMs } = event;
      held = { reason, detail, untilMs: performance.now() + waitMs + WAIT_SEEN_MS };
    },
    addWorkers(count: number) {
      workers += count;
    },
    now() {
      const atMs = performance.now();
      const hold = held !== undefined && held.untilMs > atMs ? held : undefined;
      samples = [...samples.filter((sample) => atMs - sample.atMs < RATE_MS), { atMs, rows }];
      const [first] = samples;
      const elapsedMs = first === undefined ? 0 : atMs - first.atMs;
      return {
        workers,
        rowsRotated: BigInt(rows),
        rowsPerSecond: elapsedMs > 0 ? Math.round(((rows - (first?.rows ?? 0)) * 1000) / elapsedMs) : 0,
        heldBackBy: hold?.reason ?? null,
        heldBackDetail: hold?.detail ?? null,
      };
    },
  };
}
