import { setTimeout as sleep } from 'node:timers/promises';
import { type Checkpoint, isSwept } from '../checkpoint/checkpoints.ts';
import { renewClaim } from '../checkpoint/claims.ts';
import { retryFromCheckpoint } from '../checkpoint/retry-from-checkpoint.ts';
import { storeOf } from '../checkpoint/store.ts';
import type { Settings } from '../config/settings.ts';
import { type TokenMaker, tokenMaker } from '../config/tokens.ts';
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
import { type Isolation, NOT_ISOLATING, sweepAll } from './isolation.ts';
import { transactionOptions } from './transaction.ts';

/** Rows of a partition that may be set aside. With more, single rows are not the cause. */
const MAX_SET_ASIDE = 200;

/** Lock timeout for rows that two batches have already waited for, in milliseconds. */
const PROBE_LOCK_MS = 50;

/** SQLSTATE of a statement that exceeded its timeout. */
const STATEMENT_TIMEOUT = '57014';

/**
 * @returns a function that rotates a claimed partition to its end, batch by batch, and sets aside rows that are locked or
 * refused. It keeps the batch size from one partition to the next
 */
export function partitionSweeper(context: PacedContext): (claimed: Checkpoint) => Promise<void> {
  const { settings, signal, pacer } = context;
  const maker = tokenMaker(settings, context.target);
  const targetBatchMs = () => pacer.settings().targetBatchMs;
  let sizer = batchSizerFor(context.target);
  let isolation = NOT_ISOLATING;
  let hasWritten = false;
  return async (claimed) => {
    let checkpoint = claimed;
    isolation = await sweepAll(
      {
        isDone: () => signal.aborted || isSwept(checkpoint),
        usualSize: () => maker.limit(pacer.limit(settings.batchSize === 'auto' ? sizer.size : settings.batchSize)),
        async write(size, { failures }) {
          checkpoint = await pacer.beforeBatch(checkpoint, size, signal);
          const batch = await retryFromCheckpoint(context, checkpoint, (current) =>
            writeBatch(context, maker, current, size, failures > 1 ? PROBE_LOCK_MS : undefined),
          );
          checkpoint = await pacer.afterBatch(batch.checkpoint, { booked: size, ...batch }, signal);
          sizer = adaptBatchSize(sizer, batch.keys, batch.durationMs, targetBatchMs());
          hasWritten ||= batch.rows > 0;
        },
        async fail(error, size, next) {
          if (!hasWritten) await refuseTriggers(context, error);
          if (!concernsRows(error)) throw error;
          sizer = adaptToFailure(sizer, size, { ...settings, targetBatchMs: targetBatchMs() }, error);
          checkpoint =
            next === 'alone'
              ? await setAside(context, maker, checkpoint, error)
              : await claimAgain(context, checkpoint, next, error);
        },
      },
      isolation,
    );
  };
}

/**
 * If no row of a first batch took its token, single rows are not the cause: a trigger keeps the column as it is.
 *
 * @throws ConfigurationError naming the triggers, in that case
 */
async function refuseTriggers({ database, target }: PlannedContext, error: unknown): Promise<void> {
  if (!(error instanceof TokensNotTakenError) || error.rows < 2 || error.notTaken < error.rows) return;
  const names = await rowTriggers(database, target);
  if (names.length === 0) return; // dropped in the meantime, or the application was faster
  const { token, tableName } = target;
  throw new ConfigurationError(
    `none of the first ${countOf(error.rows, 'row')} took its new token, so nothing was changed: a trigger of ${tableName} writes ` +
      `another value into ${token.fullName} or skips the update. ${names.length === 1 ? 'Its trigger is' : 'Its triggers are'} ` +
      `${listed(names)}. Disable the one that does it (ALTER TABLE ${tableName} DISABLE TRIGGER …) and run the same command again.`,
  );
}

/** Prepares for repeating a failed batch: waits before the first repetition, and reads the checkpoint again. */
async function claimAgain(
  context: PlannedContext,
  checkpoint: Checkpoint,
  { failures }: Isolation,
  error: unknown,
): Promise<Checkpoint> {
  const fault = describeError(error);
  if (failures === 1) {
    const waitMs = backoffMs(1);
    context.onEvent({ type: 'retry', partition: checkpoint.partition, attempt: 1, waitMs, fault });
    await sleep(waitMs, undefined, { signal: context.signal });
  }
  return retry(context, () => renewClaim(storeOf(context), checkpoint, fault), checkpoint);
}

/** Retried where no row can be skipped. */
const WAITED_OUT: readonly FaultKind[] = ['passing', 'contended'];

/** Skips the row that causes the fault; waits for it if too many were skipped already. */
async function setAside(
  context: PlannedContext,
  maker: TokenMaker,
  checkpoint: Checkpoint,
  error: unknown,
): Promise<Checkpoint> {
  const { database, target, onEvent } = context;
  const { partition } = checkpoint;
  const rows = Object.keys(checkpoint.setAside).length;
  if (rows >= MAX_SET_ASIDE) {
    if (faultKind(error) !== 'contended') throw new TooManyRowsSetAsideError([partition], rows, error);
    const row = await retryFromCheckpoint(
      context,
      checkpoint,
      (current) => writeBatch(context, maker, current, 1),
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

/** A statement that timed out counts as a batch that took as long as the timeout. */
function adaptToFailure(sizer: BatchSizer, size: number, settings: Settings, error: unknown): BatchSizer {
  if (faultCode(error) !== STATEMENT_TIMEOUT) return sizer;
  return adaptBatchSize(sizer, size, settings.statementTimeoutMs, settings.targetBatchMs);
}

/** Result of one batch. */
interface WrittenBatch {
  /** As it is now. */
  checkpoint: Checkpoint;
  /** Keys that the cursor passed, in scope or not. */
  keys: number;
  rows: number;
  /** Without waits for locks. */
  durationMs: number;
}

async function writeBatch(
  context: PlannedContext,
  maker: TokenMaker,
  checkpoint: Checkpoint,
  size: number,
  longestLockWaitMs = Number.POSITIVE_INFINITY,
): Promise<WrittenBatch> {
  if (isSwept(checkpoint)) return { checkpoint, keys: 0, rows: 0, durationMs: 0 };
  const { database, target, settings, onEvent } = context;
  const tokens = await maker.make(size);
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
