import { setTimeout as sleep } from 'node:timers/promises';
import type { Key } from '../checkpoint/checkpoints.ts';
import type { CondemnedTokens } from '../checkpoint/condemned-tokens.ts';
import { storeOf } from '../checkpoint/store.ts';
import { tokensFor } from '../config/tokens.ts';
import type { PlannedContext } from '../context.ts';
import { backoffMs, retry } from '../database/retry.ts';
import { ConfigurationError } from '../errors/errors.ts';
import { concernsRows, faultCode, kindOf } from '../errors/faults.ts';
import { readOpenTransactions } from '../plan/open-transactions.ts';
import { scanBlocks } from '../plan/table-scan.ts';
import { readSurvivors, scanTable, type TableScan } from '../verify/scan.ts';
import { configure, limitsOf, transactionOptions } from './batch.ts';
import { updateCondemned } from './token-update.ts';

/** Rows that are given a fresh token in one transaction. */
const ROWS_PER_BATCH = 500;

/** Keys that are read at a time where there are more survivors than a scan names. */
const KEYS_PER_READ = 20_000;

/** Rounds after which as many rows as ever hold a condemned token: something brings them back. */
const MOST_ROUNDS_IN_VAIN = 3;

/** How often to look whether older transactions have ended, in milliseconds. */
const OPEN_TRANSACTIONS_POLL_MS = 250;

/** How the last pass ended. */
export interface LastPass {
  /** The last look at the table. */
  scan: TableScan;
  /** Why rows kept their condemned token: key → SQLSTATE or NOT_TAKEN. */
  faults: Map<Key, string>;
}

/**
 * Looks at the whole table when all partitions are complete, and gives every row in scope that still holds, or holds
 * again, a condemned token a fresh one; until a look finds none, or nothing changes any more.
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
    // What another process has rotated meanwhile counts, too: so the table is looked at before anything is concluded.
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

/** Whether waiting may help some of these rows. */
function isLocked(faults: ReadonlyMap<Key, string>): boolean {
  return [...faults.values()].some((fault) => kindOf(fault) === 'contended');
}

/** Waits until the transactions have ended that are older than the plan, or the time for that is over. */
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
  if (found <= keys.length) return rotateKeys(context, condemned, keys, faults);
  // Too many to keep their keys: a stretch of the table at a time.
  const { database, target, signal } = context;
  await scanBlocks(database, target, signal, async ({ condition }) => {
    for (let after: Key | null = null; ; ) {
      const last: Key | null = after;
      const next: Key[] = await retry(context, () =>
        readSurvivors(database, target, condition, condemned, last, KEYS_PER_READ),
      );
      await rotateKeys(context, condemned, next, faults);
      if (next.length < KEYS_PER_READ) return;
      after = next.at(-1) ?? null;
    }
  });
}

/**
 * Rotates these rows in small batches; where some are in the way, half as many at a time, until those are alone.
 *
 * @param faults told which rows could not be rotated, and why
 */
async function rotateKeys(
  context: PlannedContext,
  condemned: CondemnedTokens,
  keys: readonly Key[],
  faults: Map<Key, string>,
): Promise<void> {
  const waiting = chunksOf(keys, ROWS_PER_BATCH).reverse();
  for (let batch = waiting.pop(); batch !== undefined; batch = waiting.pop()) {
    context.signal.throwIfAborted();
    const [key, ...others] = batch;
    if (key === undefined) continue;
    const rows: readonly Key[] = batch;
    try {
      await retry(context, () => rotateBatchOfKeys(context, condemned, rows));
    } catch (error) {
      if (!concernsRows(error)) throw error;
      if (others.length === 0) faults.set(key, faultCode(error) ?? '');
      else waiting.push(...chunksOf(rows, Math.ceil(rows.length / 2)).reverse());
    }
  }
}

function chunksOf<Item>(items: readonly Item[], size: number): Item[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}

/**
 * One transaction: tokens, `afterBatch` and the count. The lock on the rotation's row is its fence; that a row is
 * rotated only while it holds a condemned token makes repeating harmless.
 */
function rotateBatchOfKeys(context: PlannedContext, condemned: CondemnedTokens, keys: readonly Key[]): Promise<void> {
  const { database, target, settings } = context;
  const { tables, rotation } = storeOf(context);
  const options = { ...transactionOptions(context), asynchronousCommit: false };
  return database.$transaction(async (transaction) => {
    await configure(transaction, options);
    // Here rows are found by a list of keys, not by a range.
    await transaction.$queryRaw`SELECT set_config('enable_nestloop', 'on', true)`;
    const [record] = await transaction.$queryRaw<{ isVerified: boolean }[]>`
      SELECT verified_at IS NOT NULL AS "isVerified" FROM ${tables.rotations} WHERE name = ${rotation} FOR NO KEY UPDATE`;
    if (record === undefined) throw new ConfigurationError(`rotation '${rotation}' was deleted while it ran.`);
    if (record.isVerified) return; // by another process
    const rows = await updateCondemned(transaction, target, keys, tokensFor(settings, target, keys.length), condemned);
    await transaction.$executeRaw`
      UPDATE ${tables.rotations} SET survivors_rotated = survivors_rotated + ${rows} WHERE name = ${rotation}`;
  }, limitsOf(options));
}
