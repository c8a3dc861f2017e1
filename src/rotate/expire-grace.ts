import type { Key } from '../checkpoint/checkpoints.ts';
import { keyIn, keyTextIn, keyValue } from '../config/key.ts';
import type { Grace } from '../config/target.ts';
import type { RotationContext } from '../context.ts';
import { allowNestedLoops } from '../database/planner.ts';
import { retry } from '../database/retry.ts';
import { ownSession } from '../database/session.ts';
import { identifier, sql } from '../database/sql.ts';
import { ConfigurationError } from '../errors/errors.ts';
import { configure, limitsOf } from './transaction.ts';

/** Rows of one transaction. */
const ROWS_PER_BATCH = 2_000;

/**
 * Ends the grace period of a target: removes all old tokens, in small batches. Interrupted, it continues where tokens are
 * left.
 *
 * @param context its settings limit waiting and retrying
 * @returns the number of rows
 * @throws ConfigurationError when the target has no grace period
 * @throws AbortError between two batches when the signal is aborted
 */
export async function expireGrace(given: RotationContext): Promise<number> {
  const context = { ...given, database: ownSession(given.database) };
  const { grace } = context.target;
  if (grace === null) throw new ConfigurationError('the target has no grace period, so there is nothing to end.');
  let rows = 0;
  for (let after: Key | null = null; ; ) {
    context.signal.throwIfAborted();
    const cursor: Key | null = after;
    const batch: Batch = await retry(context, () => expireNext(context, grace, cursor), {
      kinds: ['passing', 'contended'],
    });
    rows += batch.rows;
    if (batch.lastKey === null) return rows;
    after = batch.lastKey;
  }
}

interface Batch {
  rows: number;
  /** Null when none was left. */
  lastKey: Key | null;
}

function expireNext({ database, target, settings }: RotationContext, grace: Grace, after: Key | null): Promise<Batch> {
  const { from, key } = target;
  const { lockTimeoutMs, statementTimeoutMs } = settings;
  const options = { lockTimeoutMs, statementTimeoutMs, asynchronousCommit: false };
  return database.$transaction(async (transaction) => {
    await configure(transaction, options);
    await allowNestedLoops(transaction);
    const [batch] = await transaction.$queryRaw<Batch[]>`
      WITH page AS MATERIALIZED (
        SELECT ${key.selected} FROM ${from}
        WHERE ${after === null ? sql`true` : sql`${key.sql} > ${keyValue(key, after)}`}
          AND (${grace.token.sql} IS NOT NULL OR ${grace.until.sql} IS NOT NULL)
        ORDER BY ${key.ascending} LIMIT ${ROWS_PER_BATCH} FOR UPDATE OF target
      ),
      expired AS (
        UPDATE ${from} SET ${identifier(grace.token.name)} = NULL, ${identifier(grace.until.name)} = NULL
        FROM page WHERE ${key.sql} = ${keyIn(key, 'page')} RETURNING 1
      )
      SELECT count(*)::int AS rows, (SELECT ${keyTextIn(key, 'page')} FROM page ORDER BY ${keyIn(key, 'page')} DESC LIMIT 1) AS "lastKey" FROM expired`;
    return batch ?? { rows: 0, lastKey: null };
  }, limitsOf(options));
}
