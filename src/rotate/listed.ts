/** Rotates only the rows that hold a token of a leaked list. */

import { setTimeout as sleep } from 'node:timers/promises';
import { type Checkpoint, isSwept, type Key } from '../checkpoint/checkpoints.ts';
import { renewClaim } from '../checkpoint/claims.ts';
import type { RecordedRotation } from '../checkpoint/coverage.ts';
import { retryFromCheckpoint } from '../checkpoint/retry-from-checkpoint.ts';
import { storeOf } from '../checkpoint/store.ts';
import { tokensFor } from '../config/tokens.ts';
import type { RotationContext } from '../context.ts';
import { allowNestedLoops } from '../database/planner.ts';
import { backoffMs, retry } from '../database/retry.ts';
import { ConfigurationError, RowsNotRotatedError } from '../errors/errors.ts';
import { kindOf } from '../errors/fault-table.ts';
import type { Finding } from '../finding.ts';
import type { PacedContext } from '../pace/pacer.ts';
import { leakedFinding } from '../verify/leaked-finding.ts';
import type { LeakedFile } from '../verify/leaked-list.ts';
import { findSurvivors, keysOfListed, type LeakedTokens, slicesOf, valuesOfList } from '../verify/survivors.ts';
import { checkCoverage } from '../verify/verify.ts';
import { rotateKeys } from './key-batches.ts';
import { updateCondemned } from './token-update.ts';
import { inFencedTransaction, transactionOptions } from './transaction.ts';

/** Passes over the list that may find as many rows as the one before. After that, something brings the tokens back. */
const MOST_PASSES_IN_VAIN = 3;

/**
 * Looks the list up before anything is written, and reports what is found.
 *
 * @throws ConfigurationError when it holds no token of the column, or too many lines that cannot be read
 */
export async function lookUpList(context: RotationContext, list: LeakedFile): Promise<LeakedTokens> {
  const { allowUnreadable, sha256 } = list;
  const found = await findSurvivors(context, list.read(), undefined, list);
  const { checked, survivors, outOfScope } = found;
  if (checked === 0 || found.unreadable.count > allowUnreadable) {
    const { message, advice } = leakedFinding(
      { ...found, survivors: NO_ROWS, outOfScope: NO_ROWS },
      { state: 'incomplete', allowUnreadable },
    );
    throw new ConfigurationError(
      `the list of --only was not used, and nothing was changed. ${message} ${advice ?? ''}`,
    );
  }
  const rows = survivors.count;
  context.onEvent({ type: 'listed', sha256, tokens: checked, rows, rowsOutOfScope: outOfScope.count });
  return found;
}

const NO_ROWS = { count: 0, keys: [] };

/**
 * Makes a sweeper, as `partitionSweeper` does, of the only partition that a rotation of a list has. It passes over the list
 * until a pass finds no row: a row is found, and changed, only while it holds a token of the list, so a repetition
 * rotates no row twice.
 *
 * @throws RowsNotRotatedError when rows are left that are locked or refused
 */
export function listSweeper(context: PacedContext, list: LeakedFile): (claimed: Checkpoint) => Promise<void> {
  const { settings, signal, onEvent } = context;
  return async (claimed) => {
    let checkpoint = claimed;
    let fewest = Number.POSITIVE_INFINITY;
    let fewestAtMs = performance.now();
    for (let inVain = 1; !signal.aborted && !isSwept(checkpoint); inVain += 1) {
      const pass = await passOver(context, list, checkpoint);
      checkpoint = pass.checkpoint;
      if (pass.found === 0) checkpoint = await complete(context, checkpoint);
      if (pass.found < fewest) [fewest, fewestAtMs, inVain] = [pass.found, performance.now(), 0];
      if (pass.faults.size === 0 && inVain < MOST_PASSES_IN_VAIN) continue;
      const rows = [...pass.faults].map(([key, fault]) => ({ key, fault }));
      const leftMs = settings.maxRetryTimeMs - (performance.now() - fewestAtMs);
      const canPass = rows.some(({ fault }) => kindOf(fault) === 'contended');
      if (!canPass || leftMs <= 0) throw new RowsNotRotatedError(settings.name, rows);
      const waitMs = Math.min(backoffMs(inVain + 1), Math.ceil(leftMs));
      onEvent({ type: 'tryingAgain', rows: rows.length, waitMs });
      await sleep(waitMs, undefined, { signal });
    }
  };
}

/** Result of a pass over the list. */
interface Pass {
  checkpoint: Checkpoint;
  /** Rows in scope that held a token of the list. */
  found: number;
  /** Reasons why some of them were not rotated: key → SQLSTATE or NOT_TAKEN. */
  faults: Map<Key, string>;
}

async function passOver(context: PacedContext, list: LeakedFile, claimed: Checkpoint): Promise<Pass> {
  const { pacer, signal } = context;
  const values = valuesOfList(context, list);
  const pass: Pass = { checkpoint: claimed, found: 0, faults: new Map() };
  for await (const chunk of list.read()) {
    const { forms } = await values.of(chunk);
    for (const slice of slicesOf(forms)) {
      signal.throwIfAborted();
      // Long stretches of a list may be of no row.
      pass.checkpoint = await retry(context, () => renewClaim(storeOf(context), pass.checkpoint), pass.checkpoint);
      const keys = await keysOfListed(context, slice);
      pass.found += keys.length;
      await rotateKeys(keys, pass.faults, signal, {
        async wait(rows) {
          pass.checkpoint = await pacer.beforeBatch(pass.checkpoint, rows, signal);
        },
        async write(batch) {
          pass.checkpoint = await rotateBatchOfKeys(context, slice, batch, pass.checkpoint);
        },
      });
    }
  }
  return pass;
}

async function rotateBatchOfKeys(
  context: PacedContext,
  values: string,
  keys: readonly Key[],
  checkpoint: Checkpoint,
): Promise<Checkpoint> {
  const { database, target, settings, pacer, signal, onEvent } = context;
  const tokens = await tokensFor(settings, target, keys.length);
  const startedAtMs = performance.now();
  const advanced = await retryFromCheckpoint(context, checkpoint, (current) =>
    inFencedTransaction(database, target, current, transactionOptions(context), async (transaction) => {
      await allowNestedLoops(transaction);
      const rows = await updateCondemned(transaction, target, keys, tokens, { values });
      return { cursor: current.cursor, rows, setAside: current.setAside };
    }),
  );
  const durationMs = performance.now() - startedAtMs;
  const rows = Number(advanced.rowsRotated - checkpoint.rowsRotated);
  onEvent({ type: 'batch', rows, durationMs });
  return pacer.afterBatch(advanced, { booked: keys.length, rows, durationMs }, signal);
}

/** Records that no row in scope holds a token of the list. */
function complete(context: PacedContext, checkpoint: Checkpoint): Promise<Checkpoint> {
  const { database, target } = context;
  return retryFromCheckpoint(context, checkpoint, async (current) =>
    isSwept(current)
      ? current
      : inFencedTransaction(database, target, current, transactionOptions(context), async () => ({
          cursor: current.upperBound,
          rows: 0,
          setAside: current.setAside,
        })),
  );
}

/** Looks every token of the list up once more, wherever it may be now. */
export async function verifyListed(
  context: RotationContext,
  list: LeakedFile,
  recorded: RecordedRotation,
): Promise<Finding[]> {
  const coverage = await checkCoverage(context, recorded);
  if (coverage.level === 'stop') return [coverage];
  const found = await findSurvivors(context, list.read(), undefined, list);
  const message = 'The list was gone through until no row in scope held one of its tokens.';
  return [{ ...coverage, message }, leakedFinding(found, { state: 'complete', allowUnreadable: list.allowUnreadable })];
}
