import { claimNext } from '../checkpoint/claims.ts';
import { storeOf } from '../checkpoint/store.ts';
import { retry } from '../database/retry.ts';
import { OvertakenError } from '../errors/errors.ts';
import type { PacedContext } from '../pace/pacer.ts';
import { partitionSweeper } from './sweep.ts';

/**
 * Claims partitions one after another and sweeps each to its end, until none is free or the signal is aborted.
 *
 * @param claimant name of this process, unique among all that ever ran
 * @returns the number of partitions that it claimed
 */
export async function work(context: PacedContext, claimant: string): Promise<number> {
  const { signal, onEvent } = context;
  const store = storeOf(context);
  const sweep = partitionSweeper(context);
  let claimed = 0;
  while (!signal.aborted) {
    const checkpoint = await retry(context, () => claimNext(store, claimant));
    if (checkpoint === null) break;
    claimed += 1;
    try {
      await sweep(checkpoint);
    } catch (error) {
      if (!(error instanceof OvertakenError)) throw error;
      onEvent({ type: 'overtaken', partition: error.partition }); // the other process continues with it
    }
  }
  return claimed;
}
