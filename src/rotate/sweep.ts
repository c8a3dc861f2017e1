import { setTimeout as sleep } from 'node:timers/promises';
import { type Checkpoint, isSwept } from '../checkpoint/checkpoints.ts';
import { renewClaim } from '../checkpoint/claims.ts';
import { retryFromCheckpoint } from '../checkpoint/retry-from-checkpoint.ts';
import { storeOf } from '../checkpoint/store.ts';
import type { Settings } from '../config/settings.ts';
import { tokensFor } from '../config/tokens.ts';
import type { PlannedContext } from '../context.ts';
import { watchLocks } from '../database/lock-wait.ts';
import { backoffMs, retry } from '../database/retry.ts';
import { describeError } from '../errors/describe-error.ts';
import { ConfigurationError, TokensNotTakenError, TooManyRowsSetAsideError } from '../errors/errors.ts';
import type { FaultKind } from '../errors/fault-table.ts';
import { concernsRows, faultCode, faultKind } from '../errors/faults.ts';
import { adaptBatchSize, type BatchSizer, batchSizerFor } from '../pace/batch-size.ts';
import type { PacedContext } from '../pace/pacer.ts';
import { rowTriggers } from '../preflight/triggers.ts';
import { countOf, listed } from '../text/wording.ts';
import { rotateBatch, setNextAside } from './batch.ts';
import { type Isolation, isNarrowed, NOT_ISOLATING, narrow, widen } from './isolation.ts';
import { transactionOptions } from './transaction.ts';

/** How many rows of a partition may be set aside before this is no matter of single rows any more. */
const MAX_SET_ASIDE = 200;

/** How long to wait for a lock where the same rows have been waited for twice already, in milliseconds. */
const PROBE_LOCK_MS = 50;

/** SQLSTATE of a statement that was ended because it took too long. */
const STATEMENT_TIMEOUT = '57014';

/**
 * @returns what rotates a claimed partition to its end, batch by batch, setting rows aside that are in the way; it
 * takes the batch size from one partition to the next
 */
export function partitionSweeper(context: PacedContext): (claimed: Checkpoint) => Promise<void> {
  const { settings, signal, pacer } = context;
  let sizer = batchSizerFor(context.target);
  let isolation = NOT_ISOLATING;
  let hasWritten = false;
  return async (claimed) => {
    let checkpoint = claimed;
    while (!signal.aborted && !isSwept(checkpoint)) {
      const usualSize = settings.batchSize === 'auto' ? sizer.size : settings.batchSize;
      const size = pacer.limit(Math.min(usualSize, isolation.limit));
      try {
        checkpoint = await pacer.beforeBatch(checkpoint, size, signal);
        const batch = await retryFromCheckpoint(context, checkpoint, (current) =>
          writeBatch(context, current, size, isNarrowed(isolation) ? PROBE_LOCK_MS : undefined),
        );
        checkpoint = await pacer.afterBatch(batch.checkpoint, { booked: size, ...batch }, signal);
        sizer = adaptBatchSize(sizer, batch.keys, batch.durationMs, settings.targetBatchMs);
        isolation = widen(isolation, usualSize);
        hasWritten ||= batch.rows > 0;
      } catch (error) {
        if (!hasWritten) await refuseTriggers(context, error);
        if (!concernsRows(error)) throw error;
        sizer = adaptToFailure(sizer, size, settings, error);
        ({ checkpoint, isolation } = await isolate(context, checkpoint, isolation, size, error));
      }
    }
  };
}

/**
 * Where no row at all of a first batch took its token, that is no matter of single rows: a trigger keeps the column as
 * it is.
 *
 * @throws ConfigurationError naming the triggers, when it is so
 */
async function refuseTriggers({ database, target }: PlannedContext, error: unknown): Promise<void> {
  if (!(error instanceof TokensNotTakenError) || error.rows < 2 || error.notTaken < error.rows) return;
  const names = await rowTriggers(database, target);
  if (names.length === 0) return; // dropped meanwhile, or it is the application that was faster
  const { token, tableName } = target;
  throw new ConfigurationError(
    `none of the first ${countOf(error.rows, 'row')} took its new token, so nothing was changed: a trigger of ${tableName} puts ` +
      `another value into ${token.fullName}, or skips the update. ${names.length === 1 ? 'Its trigger is' : 'Its triggers are'} ` +
      `${listed(names)}. Disable the one that does it (ALTER TABLE ${tableName} DISABLE TRIGGER …), and run the same command again.`,
  );
}

/** After rows were in the way: tries the same again, or fewer rows, or sets the one aside that is alone. */
async function isolate(
  context: PlannedContext,
  checkpoint: Checkpoint,
  isolation: Isolation,
  size: number,
  error: unknown,
): Promise<{ checkpoint: Checkpoint; isolation: Isolation }> {
  const narrowed = narrow(isolation, size);
  if (narrowed === 'alone') return { checkpoint: await setAside(context, checkpoint, error), isolation };
  if (!isNarrowed(narrowed)) {
    const waitMs = backoffMs(1);
    const { partition } = checkpoint;
    context.onEvent({ type: 'retry', partition, attempt: 1, waitMs, fault: describeError(error) });
    await sleep(waitMs, undefined, { signal: context.signal });
  }
  const fault = describeError(error);
  const current = await retry(context, () => renewClaim(storeOf(context), checkpoint, fault), checkpoint);
  return { checkpoint: current, isolation: narrowed };
}

/** Where nothing can be passed over. */
const WAITED_OUT: readonly FaultKind[] = ['passing', 'contended'];

/** Passes over the row that is in the way; waits for it where there are too many of them already. */
async function setAside(context: PlannedContext, checkpoint: Checkpoint, error: unknown): Promise<Checkpoint> {
  const { database, target, onEvent } = context;
  const { partition } = checkpoint;
  const rows = Object.keys(checkpoint.setAside).length;
  if (rows >= MAX_SET_ASIDE) {
    if (faultKind(error) !== 'contended') throw new TooManyRowsSetAsideError(partition, rows, error);
    const row = await retryFromCheckpoint(
      context,
      checkpoint,
      (current) => writeBatch(context, current, 1),
      WAITED_OUT,
    );
    return row.checkpoint;
  }
  const fault = faultCode(error) ?? '';
  const advanced = await retryFromCheckpoint(
    context,
    checkpoint,
    async (current) =>
      isSwept(current) ? current : setNextAside(database, target, current, fault, transactionOptions(context)),
    WAITED_OUT,
  );
  for (const key of Object.keys(advanced.setAside)) {
    if (!(key in checkpoint.setAside)) onEvent({ type: 'setAside', partition, key, fault: describeError(error) });
  }
  return advanced;
}

/** A statement that was ended because it took too long is a batch that took at least as long. */
function adaptToFailure(sizer: BatchSizer, size: number, settings: Settings, error: unknown): BatchSizer {
  if (faultCode(error) !== STATEMENT_TIMEOUT) return sizer;
  return adaptBatchSize(sizer, size, settings.statementTimeoutMs, settings.targetBatchMs);
}

/** What a batch came to. */
interface WrittenBatch {
  /** As it now stands. */
  checkpoint: Checkpoint;
  /** Gone through, in scope or not. */
  keys: number;
  rows: number;
  /** Without what it waited for locks. */
  durationMs: number;
}

async function writeBatch(
  context: PlannedContext,
  checkpoint: Checkpoint,
  size: number,
  longestLockWaitMs = Number.POSITIVE_INFINITY,
): Promise<WrittenBatch> {
  if (isSwept(checkpoint)) return { checkpoint, keys: 0, rows: 0, durationMs: 0 };
  const { database, target, settings, onEvent } = context;
  const tokens = tokensFor(settings, target, size);
  const startedAtMs = performance.now();
  const locks = watchLocks(database, settings.targetBatchMs, (pids) => onEvent({ type: 'blocked', pids }));
  let waitedMs = 0;
  const { checkpoint: advanced, keys } = await rotateBatch(database, target, checkpoint, size, tokens, {
    ...transactionOptions(context),
    lockTimeoutMs: Math.min(settings.lockTimeoutMs, longestLockWaitMs),
    onBackend: locks.setBackend,
  }).finally(() => {
    waitedMs = locks.stop();
  });
  const durationMs = performance.now() - startedAtMs - waitedMs;
  const rows = Number(advanced.rowsRotated - checkpoint.rowsRotated);
  onEvent({ type: 'batch', rows, durationMs });
  return { checkpoint: advanced, keys, rows, durationMs };
}
