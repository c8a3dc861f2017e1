import { setTimeout as sleep } from 'node:timers/promises';

/** Far longer than any condition needs, even on a busy machine, in milliseconds. */
const LIMIT_MS = 120_000;

const INTERVAL_MS = 20;

/**
 * Waits until a condition holds.
 *
 * @throws Error naming the condition when it does not hold after two minutes
 */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + LIMIT_MS;
  while (!(await isSo())) {
    if (performance.now() > deadlineMs) throw new Error(`waited in vain until ${isSo}`);
    await sleep(INTERVAL_MS);
  }
}
