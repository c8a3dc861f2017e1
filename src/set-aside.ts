import { setTimeout as sleep } from 'node:timers/promises';
import { changeFault, rotateSetAside } from './batch.ts';
import { type Checkpoint, claimPartition, loadOpenCheckpoints, releaseClaims } from './checkpoint.ts';
import type { RotationContext } from './context.ts';
import { OvertakenError, type RowNotRotated, RowsNotRotatedError } from './errors.ts';
import { concernsRows, faultCode, kindOf } from './faults.ts';
import { backoffMs, retry, retryFromCheckpoint } from './retry.ts';
import { tokensFor } from './tokens.ts';

/**
 * Tries the rows again that were set aside while everything else was rotated, in rounds that come less and less often,
 * for as long as a fault is waited out since the last row that could be rotated.
 *
 * @throws RowsNotRotatedError when some are left and waiting is over, or would not help
 */
export async function rotateRowsSetAside(context: RotationContext, claimant: string): Promise<void> {
  const { database, settings, signal, onEvent } = context;
  let fewest = Number.POSITIVE_INFINITY;
  let stuckSinceMs = performance.now();
  for (let failures = 0; !signal.aborted; failures += 1) {
    const open = await retry(context, () => loadOpenCheckpoints(database, settings.name));
    let isHeldByOthers = false;
    for (const { partition } of open) {
      if (!(await rotatePartitionsRows(context, claimant, partition))) isHeldByOthers = true;
    }

    const rows = rowsOf(await retry(context, () => loadOpenCheckpoints(database, settings.name)));
    if (rows.length === 0 || signal.aborted) return;
    if (rows.length < fewest) [fewest, stuckSinceMs, failures] = [rows.length, performance.now(), 0];
    const leftMs = settings.maxRetryTimeMs - (performance.now() - stuckSinceMs);
    const canPass = isHeldByOthers || rows.some(({ fault }) => kindOf(fault) === 'contended');
    if (!canPass || leftMs <= 0) throw new RowsNotRotatedError(settings.name, rows);
    const waitMs = Math.min(backoffMs(failures + 1), Math.ceil(leftMs));
    onEvent({ type: 'tryingAgain', rows: rows.length, waitMs });
    await sleep(waitMs, undefined, { signal });
  }
}

/** What is set aside in these partitions: in the order of the partitions, and in each of them as they came. */
export function rowsOf(checkpoints: readonly Checkpoint[]): RowNotRotated[] {
  const rows = checkpoints.flatMap(({ setAside }) => Object.entries(setAside));
  return rows.map(([key, fault]) => ({ key, fault }));
}

/** One round over the rows of one partition. @returns false when another process is at it */
async function rotatePartitionsRows(context: RotationContext, claimant: string, partition: number): Promise<boolean> {
  const { database, settings, onEvent } = context;
  const claimed = await retry(context, () => claimPartition(database, settings.name, partition, claimant));
  if (claimed === null) return false;
  try {
    let checkpoint = claimed;
    for (const key of Object.keys(claimed.setAside)) {
      if (context.signal.aborted) break;
      checkpoint = await rotateRow(context, checkpoint, key);
    }
  } catch (error) {
    if (!(error instanceof OvertakenError)) throw error;
    onEvent({ type: 'overtaken', partition });
  }
  await retry(context, () => releaseClaims(database, settings.name, claimant));
  return true;
}

/** @returns the checkpoint as it stands after it, whether the row could be rotated or not */
async function rotateRow(context: RotationContext, checkpoint: Checkpoint, key: string): Promise<Checkpoint> {
  const { database, target, settings, onEvent } = context;
  const isLeft = (current: Checkpoint) => current.completedAt === null && Object.hasOwn(current.setAside, key);
  try {
    const advanced = await retryFromCheckpoint(context, checkpoint, async (current) => {
      const tokens = tokensFor(settings, target, 1);
      return isLeft(current) ? rotateSetAside(database, target, current, key, tokens, settings) : current;
    });
    onEvent({ type: 'batch', rows: Number(advanced.rowsRotated - checkpoint.rowsRotated), durationMs: 0 });
    return advanced;
  } catch (error) {
    if (!concernsRows(error)) throw error;
    const fault = faultCode(error) ?? '';
    return retryFromCheckpoint(context, checkpoint, async (current) =>
      isLeft(current) ? changeFault(database, current, key, fault, settings) : current,
    );
  }
}
