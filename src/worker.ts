import { rotateBatch } from './batch.ts';
import { adaptBatchSize, startBatchSizer } from './batch-size.ts';
import { type Checkpoint, claimPartition } from './checkpoint.ts';
import type { RotationContext } from './context.ts';
import { OvertakenError } from './errors.ts';
import { watchLocks } from './lock-wait.ts';
import { makeTokens } from './tokens.ts';

/**
 * Claims partitions one after another, and rotates each to its end, until no more is free or the signal is aborted.
 *
 * @param claimant this process, unique among all that ever ran
 * @returns how many partitions it claimed
 */
export async function work(context: RotationContext, claimant: string): Promise<number> {
  const { database, settings, signal, onEvent } = context;
  const rotatePartition = partitionRotator(context);
  let claimed = 0;
  while (!signal.aborted) {
    const checkpoint = await claimPartition(database, settings.name, claimant);
    if (checkpoint === null) break;
    claimed += 1;
    try {
      await rotatePartition(checkpoint);
    } catch (error) {
      if (!(error instanceof OvertakenError)) throw error;
      onEvent({ type: 'overtaken', partition: error.partition }); // the other process carries on with it
    }
  }
  return claimed;
}

/** @returns what rotates a partition to its end, batch by batch; it takes the batch size from one to the next */
function partitionRotator({ database, settings, signal, onEvent }: RotationContext) {
  let sizer = startBatchSizer();
  return async (claimed: Checkpoint): Promise<void> => {
    let checkpoint = claimed;
    while (!signal.aborted && checkpoint.completedAt === null) {
      const size = settings.batchSize === 'auto' ? sizer.size : settings.batchSize;
      const tokens = settings.tokens === 'app' ? makeTokens(size) : settings.tokens;
      const batch = { size, tokens, asynchronousCommit: settings.asynchronousCommit };
      const startedAtMs = performance.now();
      const locks = watchLocks(database, settings.targetBatchMs, (pids) => onEvent({ type: 'blocked', pids }));
      let waitedMs = 0;
      const advanced = await rotateBatch(database, checkpoint, batch, locks.setBackend).finally(() => {
        waitedMs = locks.stop();
      });
      const durationMs = performance.now() - startedAtMs - waitedMs;
      const rows = Number(advanced.rowsRotated - checkpoint.rowsRotated);
      onEvent({ type: 'batch', rows, durationMs });
      sizer = adaptBatchSize(sizer, rows, durationMs, settings.targetBatchMs);
      checkpoint = advanced;
    }
  };
}
