import { claimNext, releaseClaim } from '../checkpoint/claims.ts';
import { storeOf } from '../checkpoint/store.ts';
import { isAbort, retry } from '../database/retry.ts';
import { OvertakenError } from '../errors/errors.ts';
import type { PacedContext } from '../pace/pacer.ts';
import { partitionSweeper } from './sweep.ts';

/**
 * Claims partitions one after another and sweeps each to its end, until none is free, a signal is aborted, or the worker is
 * dismissed: then its partition is free for another one.
 *
 * @param claimant name of this process, unique among all that ever ran
 * @param dismissed aborted when there is to be one worker less
 * @returns the number of partitions that it claimed
 */
export async function work(context: PacedContext, claimant: string, dismissed: AbortSignal): Promise<number> {
  const { onEvent } = context;
  const signal = AbortSignal.any([context.signal, dismissed]);
  const store = storeOf(context);
  const sweep = partitionSweeper({ ...context, signal });
  let claimed = 0;
  while (!signal.aborted) {
    const checkpoint = await retry(context, () => claimNext(store, claimant));
    if (checkpoint === null) break;
    claimed += 1;
    try {
      await sweep(checkpoint);
    } catch (error) {
      if (isAbort(error) && dismissed.aborted) break;
      if (!(error instanceof OvertakenError)) throw error;
      onEvent({ type: 'overtaken', partition: error.partition }); // the other process continues with it
    } finally {
      if (dismissed.aborted) await retry(context, () => releaseClaim(store, checkpoint.partition, claimant));
    }
  }
  return claimed;
}
