import { setTimeout as sleep } from 'node:timers/promises';
import type { Key } from '../checkpoint/checkpoints.ts';
import type { CondemnedTokens } from '../checkpoint/condemned-tokens.ts';
import { rotationDeleted } from '../checkpoint/rotation-record.ts';
import { storeOf } from '../checkpoint/store.ts';
import { tokensFor } from '../config/tokens.ts';
import type { PlannedContext } from '../context.ts';
import { allowNestedLoops } from '../database/planner.ts';
import { backoffMs, retry } from '../database/retry.ts';
import { kindOf } from '../errors/fault-table.ts';
import { readOpenTransactions } from '../plan/open-transactions.ts';
import { scanBlocks } from '../plan/table-scan.ts';
import { readSurvivors, scanTable, type TableScan } from '../verify/scan.ts';
import { rotateKeys } from './key-batches.ts';
import { updateCondemned } from './token-update.ts';
import { configure, limitsOf, transactionOptions } from './transaction.ts';

/** Keys read at a time if there are more survivors than a scan names. */
const KEYS_PER_READ = 20_000;

/** Rounds that may leave as many survivors as before. After that, something brings the tokens back. */
const MOST_ROUNDS_IN_VAIN = 3;

/** Interval for checking whether older transactions have ended, in milliseconds. */
const OPEN_TRANSACTIONS_POLL_MS = 250;

/** Result of the last pass. */
export interface LastPass {
  /** The last scan of the table. */
  scan: TableScan;
  /** Reasons why rows kept their condemned token: key → SQLSTATE or NOT_TAKEN. */
  faults: Map<Key, string>;
}

/**
 * Scans the whole table after all partitions are complete, and rotates every row in scope that holds a condemned token,
 * still or again. Repeats that until a scan finds none, or until it no longer helps.
 *
 * @param watermark the rotation's
 */
export async function rotateSurvivors(context: PlannedContext, watermark: Key): Promise<LastPass> {
  const { condemned, settings, signal, onEvent } = context;
  const startedAtMs = performance.now();
  let fewest = Number.POSITIVE_INFINITY;
  let fewestAtMs = startedAtMs;
  let roundsInVain = 0;
  let faults = new Map<Key, string>();
  for (;;) {
    // Another process may have rotated some in the meantime, so the table is scanned before anything is concluded.
    const scan = await scanTable(context, watermark, condemned);
    const found = scan.condemned?.inScope.count ?? 0;
    const open = scan.condemned?.openTransactions ?? [];
    if (condemned === null || (found === 0 && open.length === 0)) return { scan, faults: new Map() };
    if (found === 0) {
      if (performance.now() - startedAtMs >= settings.maxRetryTimeMs) return { scan, faults: new Map() };
      await waitForOpenTransactions(context, condemned, startedAtMs);
      continue;
    }
    if (found < fewest) [fewest, fewestAtMs, roundsInVain] = [found, performance.now(), 0];
    else if (isLocked(faults)) {
      const leftMs = settings.maxRetryTimeMs - (performance.now() - fewestAtMs);
      if (leftMs <= 0) return { scan, faults };
      const waitMs = Math.min(backoffMs(roundsInVain + 1), Math.ceil(leftMs));
      onEvent({ type: 'tryingAgain', rows: found, waitMs });
      await sleep(waitMs, undefined, { signal });
    } else if (faults.size >= found || roundsInVain >= MOST_ROUNDS_IN_VAIN) return { scan, faults };
    roundsInVain += 1;

    onEvent({ type: 'survivors', rows: found });
    faults = new Map();
    await rotateFound(context, condemned, scan.condemned?.inScope.keys ?? [], found, faults);
  }
}

/** @returns true if waiting may help some of these rows */
function isLocked(faults: ReadonlyMap<Key, string>): boolean {
  return [...faults.values()].some((fault) => kindOf(fault) === 'contended');
}

/** Waits until the transactions older than the plan have ended, for `maxRetryTimeMs` at most. */
async function waitForOpenTransactions(
  context: PlannedContext,
  condemned: CondemnedTokens,
  startedAtMs: number,
): Promise<void> {
  const { database, target, settings, signal, onEvent } = context;
  let isReported = false;
  while (performance.now() - startedAtMs < settings.maxRetryTimeMs) {
    const open = await retry(context, () => readOpenTransactions(database, target, condemned));
    if (open.length === 0) return;
    if (!isReported) onEvent({ type: 'openTransactions', pids: open.flatMap(({ pid }) => pid ?? []) });
    isReported = true;
    await sleep(OPEN_TRANSACTIONS_POLL_MS, undefined, { signal });
  }
}

async function rotateFound(
  context: PlannedContext,
  condemned: CondemnedTokens,
  keys: readonly Key[],
  found: number,
  faults: Map<Key, string>,
): Promise<void> {
  const { database, target, signal } = context;
  const steps = {
    wait: async () => context.untilAllowed?.(signal),
    write: (batch: readonly Key[]) => retry(context, () => rotateBatchOfKeys(context, condemned, batch)),
  };
  if (found <= keys.length) return rotateKeys(keys, faults, signal, steps);
  // Too many to keep their keys: one range of blocks at a time.
  await scanBlocks([database], target, signal, async (_, { condition }) => {
    for (let after: Key | null = null; ; ) {
      const last: Key | null = after;
      const next: Key[] = await retry(context, () =>
        readSurvivors(database, target, condition, condemned, last, KEYS_PER_READ),
      );
      await rotateKeys(next, faults, signal, steps);
      if (next.length < KEYS_PER_READ) return;
      after = next.at(-1) ?? null;
    }
  });
}

/**
 * Writes tokens, calls `afterBatch` and counts the rows in one transaction. The lock on the rotation's row is its fence.
 * A repetition is harmless, since a row is rotated only while it holds a condemned token.
 */
async function rotateBatchOfKeys(
  context: PlannedContext,
  condemned: CondemnedTokens,
  keys: readonly Key[],
): Promise<void> {
  const { database, target, settings } = context;
  const tokens = await tokensFor(settings, target, keys.length);
  const { tables, rotation } = storeOf(context);
  const options = { ...transactionOptions(context), asynchronousCommit: false };
  return database.$transaction(async (transaction) => {
    await configure(transaction, options);
    await allowNestedLoops(transaction);
    const [record] = await transaction.$queryRaw<{ isVerified: boolean }[]>`
      SELECT verified_at IS NOT NULL AS "isVerified" FROM ${tables.rotations} WHERE name = ${rotation} FOR NO KEY UPDATE`;
    if (record === undefined) throw rotationDeleted(rotation);
    if (record.isVerified) return; // by another process
    const rows = await updateCondemned(transaction, target, keys, tokens, condemned);
    await transaction.$executeRaw`
      UPDATE ${tables.rotations} SET survivors_rotated = survivors_rotated + ${rows} WHERE name = ${rotation}`;
  }, limitsOf(options));
}
