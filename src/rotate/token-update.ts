/** The statements that write tokens. */

import type { Checkpoint, Key } from '../checkpoint/checkpoints.ts';
import { and, type CondemnedTokens, isCondemnedSql } from '../checkpoint/condemned-tokens.ts';
import { keyOf, storedText, type Target } from '../config/target.ts';
import type { Tokens } from '../config/tokens.ts';
import { arrayLiteral } from '../database/array-literal.ts';
import type { Queryable } from '../database/database.ts';
import { empty, identifier, type Sql, sql } from '../database/sql.ts';
import { TokensNotTakenError } from '../errors/errors.ts';
import { callAfterBatch } from './after-batch.ts';

/** A stretch of the key range. */
export interface KeyRange {
  /** Exclusive; null: from the first key. */
  after: Key | null;
  /** Inclusive. */
  upTo: Key;
}

/** What the cursor has yet to go through. */
export function unswept({
  cursor,
  lowerBound,
  upperBound,
}: Pick<Checkpoint, 'cursor' | 'lowerBound' | 'upperBound'>): KeyRange {
  return { after: cursor ?? lowerBound, upTo: upperBound };
}

/** Keyset pagination: selects as `key` what comes next in the range, and whether it is in scope. */
export function nextKeys({ from, key, scope }: Target, range: KeyRange, size: number, more = empty): Sql {
  return sql`
    SELECT ${key.sql} AS key, ${inScope(scope)} AS in_scope${more}
    FROM ${from} WHERE ${within(range, key.sql)} ORDER BY ${key.sql} LIMIT ${size}`;
}

function inScope(scope: Sql | null): Sql {
  return scope === null ? sql`true` : sql`(${scope}) IS TRUE`;
}

function within({ after, upTo }: KeyRange, key: Sql): Sql {
  const upper = sql`${key} <= ${upTo}`;
  return after === null ? upper : sql`${key} > ${after} AND ${upper}`;
}

/** Result of an update of a page of keys. */
export interface UpdatedPage {
  /** The highest key of the page; null when the range has no more rows. */
  lastKey: Key | null;
  /** How many keys the page has: fewer than asked for at the end of the range only. */
  keys: number;
  /** How many of them still had a row to update, in scope. */
  rows: number;
}

/** How an update proves that each row took its token. */
export interface Guard {
  /** Whether a trigger of the table fires for each updated row: only then can a row end up with another token. */
  firesTriggers: boolean;
  /** Null where none are known. */
  condemned: CondemnedTokens | null;
}

/**
 * Writes tokens into the next rows of a range, and calls the target's `afterBatch` for them.
 *
 * @param size how many keys to go through
 * @param tokens as many, at least
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
  // With fewer, the page would seem to be the last one.
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

/** @returns how many rows in scope of a range do not hold a token of the target's form */
export async function countForeign(transaction: Queryable, target: Target, range: KeyRange): Promise<number> {
  const { from, key, token, kind, scope } = target;
  if (kind.form === null) return 0;
  const [found] = await transaction.$queryRaw<{ rows: number }[]>`
    SELECT count(*)::int AS rows FROM ${from}
    WHERE ${within(range, key.sql)}${and(scope)}
      AND (${storedText(token)} LIKE ANY (${arrayLiteral(kind.form.patterns)}::text[])) IS NOT TRUE`;
  return found?.rows ?? 0;
}

/** Writes a token into one row. @returns how many rows there were: 1, or 0 */
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
 * Writes tokens into those rows of a list that are in scope and hold a condemned token; so to do it twice changes
 * nothing. Proves in the same transaction that none of them holds one afterwards, deferred triggers included.
 *
 * @param keys in any order, each once
 * @returns how many rows there were
 */
export async function updateCondemned(
  transaction: Queryable,
  target: Target,
  keys: readonly Key[],
  tokens: Tokens,
  condemned: CondemnedTokens,
): Promise<number> {
  const { from, key } = target;
  // An array of the column, empty as it is, gives the list the column's type and collation.
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

/** The token that the row has before the update: what a token that PostgreSQL makes is compared with. */
function oldToken({ token }: Target, tokens: Tokens): Sql {
  return tokens === 'database' ? sql`, ${token.sql} AS old` : empty;
}

/** What is known of a page whatever its update came to. */
const END_OF_PAGE = sql`
  SELECT key::text AS "lastKey", place::int AS keys,
    (SELECT count(*) FILTER (WHERE in_scope) FROM page)::int AS expected
  FROM page ORDER BY place DESC LIMIT 1`;

const EMPTY_PAGE: UpdatedPage = { lastKey: null, keys: 0, rows: 0 };

/**
 * Page and update in one statement: each key with the token of its place. No key travels to the client and back, and no
 * row can come or go between reading the page and writing it.
 *
 * @param keys selects `key`, `in_scope` and, for tokens that PostgreSQL makes, `old`
 * @param bound looks redundant and is not: without it the planner may choose to scan the whole table
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

/** The condition that an updated row holds another token than the one it was given, or still the old one. */
function notTaken({ token }: Target, value: Sql, tokens: Tokens): Sql {
  if (tokens === 'database') return sql`${token.sql} IS NOT DISTINCT FROM page.old`;
  return token.type === 'Bytes'
    ? sql`${token.sql} IS DISTINCT FROM ${value}`
    : sql`${token.sql}::text IS DISTINCT FROM ${value}::text`;
}

/** How many rows were to take a token, and how many of those that were updated did not. */
interface Taken {
  expected: number;
  rows: number;
  notTaken: number;
}

/** A row that somebody deletes, or takes out of scope, in this very moment counts, too: the batch is then repeated. */
function assertTaken({ expected, rows, notTaken }: Taken): void {
  const missing = Math.max(0, expected - rows) + notTaken;
  if (missing > 0) throw new TokensNotTakenError(expected, missing);
}

/** What a trigger does after the statement, even at commit, is done and looked at here. */
async function assertNoneCondemned(
  transaction: Queryable,
  target: Target,
  where: Sql,
  rows: number,
  { firesTriggers, condemned }: Guard,
): Promise<void> {
  if (!firesTriggers || condemned === null || rows === 0) return;
  await letPlannerChoose(transaction);
  await transaction.$executeRaw`SET CONSTRAINTS ALL IMMEDIATE`;
  const [left] = await transaction.$queryRaw<{ rows: number }[]>`
    SELECT count(*)::int AS rows FROM ${target.from}
    WHERE ${where} AND ${inScope(target.scope)} AND ${isCondemnedSql(target, condemned)}`;
  assertTaken({ expected: rows, rows, notTaken: left?.rows ?? rows });
}

/** Where no row need be numbered: finds where the page ends, then updates up to there. Cheaper than the above. */
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

/** What the database takes tokens for before it assigns them to the column, whose own type may be another. */
function typeOf({ kind }: Target): Sql {
  return kind.type === 'uuid' ? sql`uuid` : sql`text`;
}

/** A token as the column stores it. */
function storedForm({ token }: Target, value: Sql): Sql {
  return token.type === 'Bytes' ? sql`decode(${value}, 'hex')` : value;
}

/** What `afterBatch` needs of an updated row, if the target has one. */
function handedOf({ afterBatch, key, token }: Target, place: Sql): Sql {
  return afterBatch === null ? sql`1` : sql`json_build_array(${key.sql}::text, ${place}, ${token.sql}::text)`;
}

/** What an update has done. */
interface Updated {
  rows: number;
  /** Key, place and stored token of each row; null when there is none, or no `afterBatch` to call. */
  handed: [key: string, place: number, token: string][] | null;
}

/** Calls the target's `afterBatch`. What is stored of a hashed token cannot be handed out, only what it was made from. */
async function handOver(
  transaction: Queryable,
  target: Target,
  handed: Updated['handed'],
  tokens: Tokens,
): Promise<void> {
  if (target.afterBatch === null || handed === null) return;
  const tokenOf = (place: number, stored: string) =>
    target.kind.isHashed && tokens !== 'database' ? (tokens.fresh[place - 1] ?? '') : stored;
  const rows = handed.map(([key, place, stored]) => ({ key: keyOf(target, key), token: tokenOf(place, stored) }));
  await letPlannerChoose(transaction);
  await callAfterBatch(target.afterBatch, transaction, rows);
}

/** Other statements than those of a batch may need other plans. */
async function letPlannerChoose(transaction: Queryable): Promise<void> {
  await transaction.$queryRaw`
    SELECT set_config(name, reset_val, true)::text FROM pg_settings WHERE name LIKE 'enable\_%' OR name = 'jit'`;
}
