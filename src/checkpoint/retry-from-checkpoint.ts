import type { RotationContext } from '../context.ts';
import { retry } from '../database/retry.ts';
import type { FaultKind } from '../errors/fault-table.ts';
import type { Checkpoint } from './checkpoints.ts';
import { renewClaim } from './claims.ts';
import { storeOf } from './store.ts';

/**
 * Retries a step that moves a partition's checkpoint. Reads the checkpoint again before each retry, since an attempt whose
 * answer was lost may have committed.
 *
 * @param write receives the current checkpoint, which may already be where `write` was to move it
 * @throws OvertakenError when another process has taken the partition over
 */
export function retryFromCheckpoint<Result>(
  context: RotationContext,
  checkpoint: Checkpoint,
  write: (current: Checkpoint) => Promise<Result>,
  kinds?: readonly FaultKind[],
): Promise<Result> {
  const { partition } = checkpoint;
  return retry(
    context,
    async (attempt, fault) => write(attempt === 1 ? checkpoint : await renewClaim(storeOf(context), checkpoint, fault)),
    { partition, ...(kinds && { kinds }) },
  );
}
