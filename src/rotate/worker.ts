import { claimNext, releaseClaim } from '../checkpoint/claims.ts';
import { storeOf } from '../checkpoint/store.ts';
import { isAbort, retry } from '../database/retry.ts';
import { describeError } from '../errors/describe-error.ts';
import { OvertakenError, TooManyRowsSetAsideError } from '../errors/errors.ts';
import type { PacedContext } from '../pace/pacer.ts';
import { partitionSweeper } from './sweep.ts';

/** Partitions that this run cannot finish, and why. It passes them, so that one of them does not hold up the others. */
export type StuckPartitions = Map<number, TooManyRowsSetAsideError>;

/** With so many of them, the cause is not in the rows of a partition, and the run ends at once. */
const MAX_STUCK_PARTITIONS = 10;

/**
 * Claims partitions one after another and sweeps each to its end, until none is free, a signal is aborted, or the worker is
 * dismissed: then its partition is free for another one.
 *
 * @param claimant name of this process, unique among all that ever ran
 * @param stuck gets the partitions that cannot be finished; shared by the workers
 * @param dismissed aborted when there is to be one worker less
 * @returns the number of partitions that it claimed
 * @throws TooManyRowsSetAsideError when too many partitions cannot be finished
 */
export async function work(
  context: PacedContext,
  claimant: string,
  stuck: StuckPartitions,
  dismissed: AbortSignal,
): Promise<number> {
  const { onEvent } = context;
  const signal = AbortSignal.any([context.signal, dismissed]);
  const store = storeOf(context);
  const swept = { ...context, signal };
  const sweep =
    context.only === undefined
      ? partitionSweeper(swept)
      : (await import('./listed.ts')).listSweeper(swept, context.only); // few need it, and all would wait for it
  let claimed = 0;
  while (!signal.aborted) {
    const checkpoint = await retry(context, () => claimNext(store, claimant, [...stuck.keys()]));
    if (checkpoint === null) break;
    claimed += 1;
    try {
      await sweep(checkpoint);
    } catch (error) {
      if (isAbort(error) && dismissed.aborted) break;
      if (error instanceof OvertakenError) {
        onEvent({ type: 'overtaken', partition: error.partition }); // the other process continues with it
      } else if (error instanceof TooManyRowsSetAsideError && stuck.size < MAX_STUCK_PARTITIONS) {
        stuck.set(checkpoint.partition, error);
        onEvent({ type: 'stuck', partition: checkpoint.partition, fault: describeError(error) });
      } else {
        throw error;
      }
    } finally {
      const isGivenBack = dismissed.aborted || stuck.has(checkpoint.partition);
      if (isGivenBack) await retry(context, () => releaseClaim(store, checkpoint.partition, claimant));
    }
  }
  return claimed;
}
