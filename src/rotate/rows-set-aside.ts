import { setTimeout as sleep } from 'node:timers/promises';
import { type Checkpoint, isSwept, loadOpenCheckpoints, rowsSetAside } from '../checkpoint/checkpoints.ts';
import { claimPartition, releaseClaims } from '../checkpoint/claims.ts';
import { retryFromCheckpoint } from '../checkpoint/retry-from-checkpoint.ts';
import { storeOf } from '../checkpoint/store.ts';
import { tokensFor } from '../config/tokens.ts';
import { backoffMs, retry } from '../database/retry.ts';
import { OvertakenError, RowsNotRotatedError } from '../errors/errors.ts';
import { kindOf } from '../errors/fault-table.ts';
import { concernsRows, faultCode } from '../errors/faults.ts';
import type { PacedContext } from '../pace/pacer.ts';
import { changeFault, rotateSetAside } from './batch.ts';
import { transactionOptions } from './transaction.ts';

/**
 * Retries the rows that were set aside in partitions that are otherwise done, in rounds with growing pauses. Stops when no row
 * could be rotated for `maxRetryTimeMs`.
 *
 * @throws RowsNotRotatedError when some are left and the time is over, or waiting would not help
 */
export async function rotateRowsSetAside(context: PacedContext, claimant: string): Promise<void> {
  const { settings, signal, onEvent } = context;
  const store = storeOf(context);
  const loadSwept = async () => (await retry(context, () => loadOpenCheckpoints(store))).filter(isSwept);
  let fewest = Number.POSITIVE_INFINITY;
  let stuckSinceMs = performance.now();
  for (let failures = 0; !signal.aborted; failures += 1) {
    let isHeldByOthers = false;
    for (const { partition } of await loadSwept()) {
      if (!(await rotatePartitionsRows(context, claimant, partition))) isHeldByOthers = true;
    }

    const rows = rowsSetAside(await loadSwept());
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

/** Retries the rows of one partition once. @returns false if another process holds it */
async function rotatePartitionsRows(context: PacedContext, claimant: string, partition: number): Promise<boolean> {
  const { onEvent } = context;
  const store = storeOf(context);
  const claimed = await retry(context, () => claimPartition(store, partition, claimant));
  if (claimed === null) return false;
  try {
    let checkpoint = claimed;
    for (const key of Object.keys(claimed.setAside)) {
      if (context.signal.aborted) break;
      checkpoint = await context.pacer.beforeBatch(checkpoint, 1, context.signal);
      checkpoint = await rotateRow(context, checkpoint, key);
    }
  } catch (error) {
    if (!(error instanceof OvertakenError)) throw error;
    onEvent({ type: 'overtaken', partition });
  }
  await retry(context, () => releaseClaims(store, claimant));
  return true;
}

/** @returns the checkpoint afterwards, whether the row could be rotated or not */
async function rotateRow(context: PacedContext, checkpoint: Checkpoint, key: string): Promise<Checkpoint> {
  const { database, target, onEvent } = context;
  const options = transactionOptions(context);
  const isLeft = (current: Checkpoint) => current.completedAt === null && Object.hasOwn(current.setAside, key);
  try {
    const advanced = await retryFromCheckpoint(context, checkpoint, async (current) => {
      const tokens = await tokensFor(context.settings, target, 1);
      return isLeft(current) ? rotateSetAside(database, target, current, key, tokens, options) : current;
    });
    onEvent({ type: 'batch', rows: Number(advanced.rowsRotated - checkpoint.rowsRotated), durationMs: 0 });
    return advanced;
  } catch (error) {
    if (!concernsRows(error)) throw error;
    const fault = faultCode(error) ?? '';
    return retryFromCheckpoint(context, checkpoint, async (current) =>
      isLeft(current) ? changeFault(database, target, current, key, fault, options) : current,
    );
  }
}
