import { setTimeout as sleep } from 'node:timers/promises';

/** Waits until something is so, for as long as the test may take. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await sleep(50);
}
