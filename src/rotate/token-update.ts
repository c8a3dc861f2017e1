/** The statements that write tokens. */

import type { Key } from '../checkpoint/checkpoints.ts';
import { type CondemnedTokens, isCondemnedSql, type ListedTokens } from '../checkpoint/condemned-tokens.ts';
import { arraysOf, keyIn, keyTextIn, keyValue } from '../config/key.ts';
import type { Target } from '../config/target.ts';
import type { Tokens } from '../config/tokens.ts';
import type { Queryable } from '../database/database.ts';
import { momentText } from '../database/moment.ts';
import { empty, identifier, join, type Sql, sql } from '../database/sql.ts';
import { assertEnoughFor, assignments, givenTo, pageByKey, pageByPlace, tokenByKey } from './given-tokens.ts';
import { handedOf, handOver, type Updated } from './hand-over.ts';
import { isOneOf, lockRows, type RowsToUpdate } from './lock-rows.ts';
import { type KeyRange, keyAt, within } from './page.ts';
import { assertNoneCondemned, assertTaken, type Guard, isForeignSql, notTaken, type Taken } from './taken.ts';

/** A page whose rows have new tokens. */
export interface UpdatedPage {
  /** The range up to here is done: the page's last key, or the end of the range if it has no more rows. */
  end: Key;
  /** Number of keys of the page, in scope or not. */
  keys: number;
  /** Number of rows that were updated. */
  rows: number;
}

/**
 * Writes tokens into the next rows of a range, and calls the target's `afterBatch` for them.
 *
 * @param size keys of the page
 * @param tokens at least as many
 * @throws TokensNotTakenError when a trigger put another token in place, or skipped a row; the transaction must be
 *   rolled back
 */
export async function updateNext(
  transaction: Queryable,
  target: Target,
  range: KeyRange,
  size: number,
  tokens: Tokens,
  guard: Guard,
): Promise<UpdatedPage> {
  assertEnoughFor(size, tokens);
  const end = await keyAt(transaction, target, range, size);
  const page = { ...range, upTo: end ?? range.upTo };
  const inPage = (key: Sql) => within(target, page, key);
  const found = exceptFresh(target, await lockRows(transaction, target, inPage), guard);
  const isProvenByRow = guard.firesTriggers || target.withOldTokens;
  const token = isProvenByRow ? null : tokenByKey(target, page, size, tokens);
  if (token !== null) {
    const rows = await updateByKey(transaction, target, found.where, token);
    return { end: page.upTo, keys: end === null ? rows : size, rows };
  }
  const bound = inPage(target.key.sql);
  const { lastKey, keys, rows } = await updatePage(transaction, target, found, bound, tokens, guard);
  await assertNoneCondemned(transaction, target, inPage, rows, guard);
  // Rows that were inserted since its end was found may have pushed the page over.
  return { end: keys < size ? page.upTo : (lastKey ?? page.upTo), keys: end === null ? keys : size, rows };
}

/** Writes a token into one row. @returns the number of rows: 1, or 0 */
export async function updateOne(
  transaction: Queryable,
  target: Target,
  key: Key,
  tokens: Tokens,
  guard: Guard,
): Promise<number> {
  const isIt = (column: Sql) => sql`${column} = ${keyValue(target.key, key)}`;
  const found = exceptFresh(target, await lockRows(transaction, target, isIt), guard);
  const { rows } = await updatePage(transaction, target, found, isIt(target.key.sql), tokens, guard);
  await assertNoneCondemned(transaction, target, isIt, rows, guard);
  return rows;
}

/**
 * Writes tokens into those rows of a list that are in scope and hold a condemned token, so a repetition changes
 * nothing. Proves in the same transaction that none of them holds one afterwards, deferred triggers included.
 *
 * @param keys in any order, each once
 * @returns the number of rows
 */
export async function updateCondemned(
  transaction: Queryable,
  target: Target,
  keys: readonly Key[],
  tokens: Tokens,
  condemned: CondemnedTokens | ListedTokens,
): Promise<number> {
  const isGiven = isOneOf(target, arraysOf(target.key, keys));
  const guard = { firesTriggers: true, condemned };
  const { where, keys: locked } = await lockRows(transaction, target, isGiven);
  const found = { where: sql`${where} AND ${isCondemnedSql(target, condemned)}`, keys: locked };
  const { rows } = await updatePage(transaction, target, found, sql`true`, tokens, guard);
  await assertNoneCondemned(transaction, target, isGiven, rows, guard);
  return rows;
}

/**
 * Leaves rows alone that already have a token of the new form which cannot have leaked: it was written since the start, by
 * the application, or by this rotation before the row's key was changed. Costs next to nothing: hashes and forms are
 * looked at only of rows written since then.
 */
function exceptFresh(target: Target, { where, keys }: RowsToUpdate, { condemned }: Guard): RowsToUpdate {
  if (condemned === null) return { where, keys };
  return { where: sql`${where} AND (${isCondemnedSql(target, condemned)} OR ${isForeignSql(target)})`, keys };
}

/** Selects the end of a page, whichever of its rows were updated. */
function endOfPage({ key }: Target): Sql {
  return sql`SELECT ${keyTextIn(key, 'page')} AS "lastKey", place::int AS keys FROM page ORDER BY place DESC LIMIT 1`;
}

/** The last key, and the number of keys, that got a token of their own. */
interface WrittenKeys {
  lastKey: Key | null;
  keys: number;
}

const NOTHING: WrittenKeys & Updated = { lastKey: null, keys: 0, rows: 0, handed: null };

/**
 * Updates a page in one statement. Keys beyond the last token are left for the next page.
 *
 * @param bound on the rows that are joined with the page. It looks redundant, but without it the planner may scan the
 *   whole table
 */
async function updatePage(
  transaction: Queryable,
  target: Target,
  { where, keys: locked }: RowsToUpdate,
  bound: Sql,
  tokens: Tokens,
  { firesTriggers }: Guard,
): Promise<WrittenKeys & Updated> {
  const { from, key, token, afterBatch } = target;
  const given = locked === null ? null : givenTo(target, locked, tokens);
  const page = given === null ? pageByPlace(target, where, tokens) : pageByKey(target, where, given);
  const value = tokens === 'database' ? sql`gen_random_uuid()` : storedForm(target, sql`page.token`);
  const isNotTaken = firesTriggers ? notTaken(target, value, tokens) : sql`false`;
  const [updated] = await transaction.$queryRaw<(WrittenKeys & Updated & Taken)[]>`
    WITH page AS MATERIALIZED (${page}),
    updated AS (
      UPDATE ${from} SET ${identifier(token.name)} = ${value}${besides(target)}${assignments(given)} FROM page
      WHERE ${key.sql} = ${keyIn(key, 'page')} AND ${bound}
      RETURNING ${isNotTaken} AS is_not_taken, ${handedOf(target, sql`page.place`)} AS row
    )
    SELECT * FROM (${endOfPage(target)}) AS page_end, (
      SELECT count(*)::int AS rows, count(*) FILTER (WHERE is_not_taken)::int AS "notTaken",
        (SELECT count(*)::int FROM page) AS expected, ${afterBatch === null ? sql`NULL` : sql`json_agg(row)`} AS handed
      FROM updated
    ) AS summary`;
  if (updated === undefined) return NOTHING;
  assertTaken(updated);
  await handOver(transaction, target, updated.handed, tokens);
  return updated;
}

/**
 * Cheaper than `updatePage`, as no row needs a number.
 *
 * @param value the token of each row
 * @returns the number of rows
 */
async function updateByKey(transaction: Queryable, target: Target, where: Sql, value: Sql): Promise<number> {
  const { from, token, afterBatch } = target;
  const [updated] = await transaction.$queryRaw<Updated[]>`
    WITH updated AS (
      UPDATE ${from} SET ${identifier(token.name)} = ${value}${besides(target)}
      WHERE ${where} RETURNING ${handedOf(target, sql`1`)} AS row
    )
    SELECT count(*)::int AS rows, ${afterBatch === null ? sql`NULL` : sql`json_agg(row)`} AS handed FROM updated`;
  if (updated === undefined) return 0;
  await handOver(transaction, target, updated.handed, 'database');
  return updated.rows;
}

/**
 * The time of the batch in columns that say when, by the clock of this process, as Prisma takes it for `@updatedAt`; and
 * the old token in that of a grace period.
 */
function besides({ token, touched, grace }: Target): Sql {
  const now = Date.now();
  const inMs = (ms: number) => momentText(new Date(now + ms));
  const assigned = touched.map(({ name }) => sql`, ${identifier(name)} = ${inMs(0)}`);
  if (grace !== null) {
    assigned.push(sql`, ${identifier(grace.token.name)} = ${token.sql}`);
    assigned.push(sql`, ${identifier(grace.until.name)} = ${inMs(grace.durationMs)}`);
  }
  return assigned.length === 0 ? empty : join(assigned, '');
}

/** Converts a token to what the column stores. */
function storedForm({ token }: Target, value: Sql): Sql {
  return token.type === 'Bytes' ? sql`decode(${value}, 'hex')` : value;
}
