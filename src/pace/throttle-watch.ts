import { setTimeout as sleep } from 'node:timers/promises';
import type { Settings } from '../config/settings.ts';
import type { RotationContext } from '../context.ts';
import { faultCode } from '../errors/faults.ts';
import type { Hold } from './control.ts';
import type { Reading, ThrottleCheck } from './throttle-checks.ts';

/** Interval of reading the throttles, in milliseconds; their values are known about as exactly. */
const POLL_MS = 500;

/** After this time without an answer, in milliseconds, a value counts as unknown. */
const STALE_MS = 5_000;

/** From this share of a limit on, the rotation slows down. */
const SLOW_FROM = 0.5;

export interface ThrottleWatch {
  /** @returns the reason to stand still; undefined if there is none */
  holdsBack(): Hold | undefined;
  /**
   * The pause after a batch as a multiple of its duration, and why: none below half of a limit, the duration itself at
   * half, so that the rate is halved, and more and more up to the limit.
   */
  slowsDown(): { ratio: number; hold: Hold } | undefined;
  stop(): void;
}

/**
 * Reads the throttles again and again. One that cannot be read holds the rotation back.
 *
 * @param settings those in force, which may change
 * @returns when each has been read once
 */
export async function watchThrottles(
  context: RotationContext,
  checks: readonly ThrottleCheck[],
  settings: () => Settings,
): Promise<ThrottleWatch> {
  const stopped = new AbortController();
  let readings: (Hold & Reading)[] = [];
  let readAtMs = performance.now();
  const readAll = async () => {
    const now: (Hold & Reading)[] = [];
    for (const { reason, read } of checks) {
      const reading = await read(settings()).catch((error: unknown) => unreadable(reason, error));
      if (reading !== null) now.push({ reason, ...reading });
    }
    [readings, readAtMs] = [now, performance.now()];
  };
  const keepReading = async () => {
    while (!stopped.signal.aborted) {
      await sleep(POLL_MS, undefined, { signal: stopped.signal });
      await readAll();
    }
  };
  // The wait ends with the reading: it would keep the process alive, and go on listening to the signal.
  const reading = new AbortController();
  const patience = sleep(STALE_MS, undefined, { signal: AbortSignal.any([context.signal, reading.signal]) });
  await Promise.race([readAll(), patience]).catch(() => {});
  reading.abort();
  void keepReading().catch(() => {});
  const worst = () => readings.toSorted((a, b) => b.load - a.load)[0];
  return {
    holdsBack() {
      if (performance.now() - readAtMs > STALE_MS)
        return { reason: 'throttles', detail: 'the throttles cannot be read' };
      const reading = worst();
      return reading !== undefined && reading.load >= 1 ? reading : undefined;
    },
    slowsDown() {
      const reading = worst();
      if (reading === undefined || reading.load < SLOW_FROM) return undefined;
      const load = Math.min(reading.load, 0.99);
      return { ratio: load / (1 - load), hold: reading };
    },
    stop: () => stopped.abort(),
  };
}

function unreadable(reason: string, error: unknown): Reading {
  const code = faultCode(error);
  return {
    load: Number.POSITIVE_INFINITY,
    detail: `${reason} cannot be read${code === undefined ? '' : ` (${code})`}`,
  };
}
