/** The statements that write tokens. */

import type { Key } from '../checkpoint/checkpoints.ts';
import { and, type CondemnedTokens, isCondemnedSql } from '../checkpoint/condemned-tokens.ts';
import type { Target } from '../config/target.ts';
import type { Tokens } from '../config/tokens.ts';
import { arrayLiteral } from '../database/array-literal.ts';
import type { Queryable } from '../database/database.ts';
import { empty, identifier, type Sql, sql } from '../database/sql.ts';
import { handedOf, handOver, type Updated } from './hand-over.ts';
import { inScope, type KeyRange, nextKeys, within } from './page.ts';
import { assertNoneCondemned, assertTaken, type Guard, notTaken, type Taken } from './taken.ts';

/** Result of an update of a page of keys. */
export interface UpdatedPage {
  /** The highest key of the page; null if the range has no more rows. */
  lastKey: Key | null;
  /** Number of keys of the page: fewer than asked for only at the end of the range. */
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
  // With fewer, the page would look like the last one.
  if (tokens !== 'database' && tokens.stored.length < size) throw new Error(`${size} rows need as many tokens`);
  if (tokens === 'database' && !guard.firesTriggers) return updateByDatabase(transaction, target, range, size);
  const keys = nextKeys(target, range, size, oldToken(target, tokens));
  const updated = await updatePage(transaction, target, keys, within(range, target.key.sql), tokens, guard);
  if (updated.lastKey !== null) {
    const written = { ...range, upTo: updated.lastKey };
    await assertNoneCondemned(transaction, target, within(written, target.key.sql), updated.rows, guard);
  }
  return updated;
}

/** Writes a token into one row. @returns the number of rows: 1, or 0 */
export async function updateOne(
  transaction: Queryable,
  target: Target,
  key: Key,
  tokens: Tokens,
  guard: Guard,
): Promise<number> {
  const where = sql`${target.key.sql} = ${key}`;
  const keys = sql`
    SELECT ${target.key.sql} AS key, ${inScope(target.scope)} AS in_scope${oldToken(target, tokens)}
    FROM ${target.from} WHERE ${where}`;
  const { rows } = await updatePage(transaction, target, keys, where, tokens, guard);
  await assertNoneCondemned(transaction, target, where, rows, guard);
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
  condemned: CondemnedTokens,
): Promise<number> {
  const { from, key } = target;
  // An empty array of the column gives the list the column's type and collation.
  const given = sql`unnest(ARRAY(SELECT ${key.sql} FROM ${from} LIMIT 0) || ${arrayLiteral(keys)})`;
  const isGiven = sql`${key.sql} IN (SELECT ${given})`;
  const page = sql`
    SELECT ${key.sql} AS key, true AS in_scope${oldToken(target, tokens)} FROM ${from}
    WHERE ${isGiven} AND ${inScope(target.scope)} AND ${isCondemnedSql(target, condemned)}`;
  const guard = { firesTriggers: true, condemned };
  const { rows } = await updatePage(transaction, target, page, sql`true`, tokens, guard);
  await assertNoneCondemned(transaction, target, isGiven, rows, guard);
  return rows;
}

/** Selects the old token, to compare a token with that PostgreSQL makes. */
function oldToken({ token }: Target, tokens: Tokens): Sql {
  return tokens === 'database' ? sql`, ${token.sql} AS old` : empty;
}

/** Selects the end of a page, whichever of its rows were updated. */
const END_OF_PAGE = sql`
  SELECT key::text AS "lastKey", place::int AS keys,
    (SELECT count(*) FILTER (WHERE in_scope) FROM page)::int AS expected
  FROM page ORDER BY place DESC LIMIT 1`;

const EMPTY_PAGE: UpdatedPage = { lastKey: null, keys: 0, rows: 0 };

/**
 * Reads and updates a page in one statement, which gives each key the token of its place. No key travels to the client
 * and back, and no row can come or go between reading the page and writing it.
 *
 * @param keys selects `key`, `in_scope` and, for tokens that PostgreSQL makes, `old`
 * @param bound looks redundant, but without it the planner may scan the whole table
 */
async function updatePage(
  transaction: Queryable,
  target: Target,
  keys: Sql,
  bound: Sql,
  tokens: Tokens,
  { firesTriggers }: Guard,
): Promise<UpdatedPage> {
  const numbered = sql`SELECT *, row_number() OVER (ORDER BY key) AS place FROM (${keys}) AS next`;
  const page =
    tokens === 'database'
      ? numbered
      : sql`
        SELECT * FROM (${numbered}) AS numbered
        JOIN unnest(${arrayLiteral(tokens.stored)}::${typeOf(target)}[]) WITH ORDINALITY AS given (token, place)
          USING (place)`;
  const value = tokens === 'database' ? sql`gen_random_uuid()` : storedForm(target, sql`page.token`);
  const { token, afterBatch } = target;
  const isNotTaken = firesTriggers ? notTaken(target, value, tokens) : sql`false`;
  const [updated] = await transaction.$queryRaw<(UpdatedPage & Taken & Updated)[]>`
    WITH page AS MATERIALIZED (${page}),
    updated AS (
      UPDATE ${target.from} SET ${identifier(token.name)} = ${value} FROM page
      WHERE ${target.key.sql} = page.key AND ${bound}${and(target.scope)}
      RETURNING ${isNotTaken} AS is_not_taken, ${handedOf(target, sql`page.place`)} AS row
    )
    SELECT * FROM (${END_OF_PAGE}) AS page_end, (
      SELECT count(*)::int AS rows, count(*) FILTER (WHERE is_not_taken)::int AS "notTaken",
        ${afterBatch === null ? sql`NULL` : sql`json_agg(row)`} AS handed
      FROM updated
    ) AS summary`;
  if (updated === undefined) return EMPTY_PAGE;
  assertTaken(updated);
  await handOver(transaction, target, updated.handed, tokens);
  return updated;
}

/** Finds the end of the page, then updates up to there. Cheaper than `updatePage`, as no row needs a number. */
async function updateByDatabase(
  transaction: Queryable,
  target: Target,
  range: KeyRange,
  size: number,
): Promise<UpdatedPage> {
  const [end] = await transaction.$queryRaw<Omit<UpdatedPage, 'rows'>[]>`
    SELECT key::text AS "lastKey", place::int AS keys
    FROM (SELECT key, row_number() OVER (ORDER BY key) AS place FROM (${nextKeys(target, range, size)}) AS next) AS page
    ORDER BY place DESC LIMIT 1`;
  if (end?.lastKey == null) return EMPTY_PAGE;
  const where = within({ ...range, upTo: end.lastKey }, target.key.sql);
  const { afterBatch } = target;
  const [updated] = await transaction.$queryRaw<Updated[]>`
    WITH updated AS (
      UPDATE ${target.from} SET ${identifier(target.token.name)} = gen_random_uuid()
      WHERE ${where}${and(target.scope)} RETURNING ${handedOf(target, sql`1`)} AS row
    )
    SELECT count(*)::int AS rows, ${afterBatch === null ? sql`NULL` : sql`json_agg(row)`} AS handed FROM updated`;
  if (updated === undefined) return { ...end, rows: 0 };
  await handOver(transaction, target, updated.handed, 'database');
  return { ...end, rows: updated.rows };
}

/** The type of the tokens' array. The column's own type may be another. */
function typeOf({ kind }: Target): Sql {
  return kind.type === 'uuid' ? sql`uuid` : sql`text`;
}

/** Converts a token to what the column stores. */
function storedForm({ token }: Target, value: Sql): Sql {
  return token.type === 'Bytes' ? sql`decode(${value}, 'hex')` : value;
}
