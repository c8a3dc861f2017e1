import { type Checkpoint, isSwept, type Key } from '../checkpoint/checkpoints.ts';
import { BYTES_PER_HASH } from '../checkpoint/condemned-tokens.ts';
import { loadTrusted } from '../checkpoint/coverage.ts';
import { storeOf } from '../checkpoint/store.ts';
import { condemns, type Settings } from '../config/settings.ts';
import { tokenMaker } from '../config/tokens.ts';
import type { RotationContext } from '../context.ts';
import { retry } from '../database/retry.ts';
import { ownSession } from '../database/session.ts';
import { ConfigurationError } from '../errors/errors.ts';
import { batchSizerFor } from '../pace/batch-size.ts';
import { assertLagIsVisible } from '../pace/replica-lag.ts';
import { refuseSecond } from '../plan/announce.ts';
import { planPartitions } from '../plan/partitions.ts';
import { assertReady, readRecords } from '../preflight/preflight.ts';
import { countOf } from '../text/wording.ts';
import type { LeakedFile } from '../verify/leaked-list.ts';
import { unswept } from './page.ts';
import { type BatchCost, rehearseBatch } from './rehearsed-batch.ts';

/** A rotation's work, and an estimate of its cost. */
export interface Rehearsal {
  /** True if it would continue where an earlier run stopped. */
  resumed: boolean;
  /** Rows that are left to rotate. */
  rows: number;
  rowsAreEstimate: boolean;
  partitions: number;
  watermark: Key;
  batch: BatchCost;
  /** True if `afterBatch` makes batches so slow that each can only have a few rows. */
  isSlowedByAfterBatch: boolean;
  /** Number of tokens to condemn, and bytes of their hashes; null if there are none, or condemning is done. */
  condemning: { tokens: number; bytes: number } | null;
  /** Null if the batch had no row to rotate. */
  expected: Expectation | null;
}

export interface Expectation {
  /** Milliseconds if each worker is as fast as one alone. */
  leastMs: number;
  /** Milliseconds with one worker. */
  mostMs: number;
  walBytes: number;
  growthBytes: number;
}

/**
 * Runs the preflight, plans a rotation without recording the plan, and writes one real batch, which it measures and
 * rolls back. Only the space that the batch took remains, until the next vacuum.
 *
 * @returns null if nothing is left to do
 * @throws ConfigurationError when the database is not ready, or rows of the batch did not keep their new tokens
 */
export async function rehearse(given: RotationContext): Promise<Rehearsal | null> {
  const context = { ...given, database: ownSession(given.database) };
  const { database, target, settings, onEvent } = context;
  const found = await readRecords(context, () => loadTrusted(storeOf(context), target, null));
  const recorded = found?.rotation.plannedAt == null ? null : found;
  await assertReady(context);
  await retry(context, () => refuseSecond(database, storeOf(context), target, settings, null));
  if (settings.maxReplicaLagMs !== null) {
    const missing = await retry(context, () => assertLagIsVisible(database));
    for (const name of missing) onEvent({ type: 'replicaLost', name });
  }
  const planned = recorded ?? (await retry(context, () => planPartitions(database, target, settings.name)));
  if (planned === null) return null;
  const partitions = 'partitions' in planned ? planned.partitions : planned.checkpoints;
  const left = partitions.map((partition) => ({ cursor: null, rowsRotated: 0n, ...partition })).filter(isOpen);
  const [first] = left;
  if (first === undefined) return null;

  const maker = tokenMaker(settings, target);
  const size = maker.limit(settings.batchSize === 'auto' ? batchSizerFor(target).size : settings.batchSize);
  const startedAtMs = performance.now();
  const tokens = await maker.make(size);
  const makingMs = performance.now() - startedAtMs;
  const { lockTimeoutMs, statementTimeoutMs, asynchronousCommit } = settings;
  const transactionOptions = { lockTimeoutMs, statementTimeoutMs, asynchronousCommit };
  const batch = await retry(
    context,
    () => rehearseBatch(database, target, unswept(first), size, tokens, transactionOptions),
    {
      kinds: ['passing', 'contended'],
    },
  );
  if (batch.foreign > 0) {
    throw new ConfigurationError(
      `${batch.foreign} of the ${countOf(batch.rows, 'row')} of the rehearsed batch ended up without a token of kind ${target.kind.name}: ` +
        `${target.afterBatch === null ? 'a trigger' : 'afterBatch or a trigger'} writes another value into ${target.token.fullName}. Nothing was changed.`,
    );
  }
  const rows = left.reduce((sum, { rowsTotal, rowsRotated }) => sum + Math.max(0, Number(rowsTotal - rowsRotated)), 0);
  return {
    resumed: recorded !== null,
    rows,
    rowsAreEstimate: left.some(({ totalIsEstimate }) => totalIsEstimate),
    partitions: left.length,
    watermark: ('partitions' in planned ? planned.watermark : planned.rotation.watermark) ?? '',
    batch,
    isSlowedByAfterBatch: target.afterBatch !== null && isSlow(batch, settings.targetBatchMs),
    condemning: recorded === null && condemns(settings, rows) ? { tokens: rows, bytes: rows * BYTES_PER_HASH } : null,
    expected: extrapolate({ ...batch, durationMs: makingMs + batch.durationMs }, rows, settings),
  };
}

/**
 * Runs the preflight, and looks up the list whose tokens alone are to be replaced: how many of them work now is reported.
 * Nothing is written.
 *
 * @throws ConfigurationError when the database is not ready, or the list cannot be used
 */
export async function rehearseList(given: RotationContext, list: LeakedFile): Promise<void> {
  const context = { ...given, database: ownSession(given.database) };
  const { database, target, settings } = context;
  await readRecords(context, () => loadTrusted(storeOf(context), target, list.sha256));
  await assertReady(context);
  await retry(context, () => refuseSecond(database, storeOf(context), target, settings, list.sha256));
  const { lookUpList } = await import('./listed.ts');
  await lookUpList(context, list);
}

/** Rows that a batch should have time for. With fewer, its fixed costs dominate. */
const FEWEST_ROWS_IN_TIME = 500;

function isSlow({ rows, durationMs }: BatchCost, targetBatchMs: number): boolean {
  return rows > 0 && (targetBatchMs * rows) / durationMs < FEWEST_ROWS_IN_TIME;
}

function isOpen(partition: Pick<Checkpoint, 'cursor' | 'upperBound'>): boolean {
  return !isSwept(partition);
}

/** Assumes that every batch costs as much as the one that was measured. */
export function extrapolate(
  { rows: measured, durationMs, walBytes, growthBytes }: BatchCost,
  rows: number,
  { workers, pauseRatio, maxRowsPerSecond }: Pick<Settings, 'workers' | 'pauseRatio' | 'maxRowsPerSecond'>,
): Expectation | null {
  if (measured === 0) return null;
  const factor = rows / measured;
  const atTheRate = maxRowsPerSecond === null ? 0 : (rows * 1000) / maxRowsPerSecond;
  const oneByOneMs = factor * durationMs * (1 + pauseRatio);
  return {
    leastMs: Math.max(atTheRate, oneByOneMs / workers),
    mostMs: Math.max(atTheRate, oneByOneMs),
    walBytes: factor * walBytes,
    growthBytes: factor * growthBytes,
  };
}
