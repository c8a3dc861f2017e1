/** The statements that write tokens. */
import { callAfterBatch } from './after-batch.ts';
import { arrayLiteral } from './array-literal.ts';
import type { Checkpoint, Key } from './checkpoint.ts';
import type { Queryable } from './database.ts';
import { empty, identifier, type Sql, sql } from './sql.ts';
import { keyOf, type Target } from './target.ts';
import type { FreshTokens, Tokens } from './tokens.ts';

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

/** Keyset pagination: selects as `key` what comes next in the range, whether it is in scope or not. */
export function nextKeys({ from, key }: Target, range: KeyRange, size: number): Sql {
  return sql`SELECT ${key.sql} AS key FROM ${from} WHERE ${within(range, key.sql)} ORDER BY ${key.sql} LIMIT ${size}`;
}

function within({ after, upTo }: KeyRange, key: Sql): Sql {
  const upper = sql`${key} <= ${upTo}`;
  return after === null ? upper : sql`${key} > ${after} AND ${upper}`;
}

/** A page of keys, and what became of its rows. */
export interface UpdatedPage {
  /** The highest key of the page; null when the range has no more rows. */
  lastKey: Key | null;
  /** How many keys the page has: fewer than asked for at the end of the range only. */
  keys: number;
  /** How many of them still had a row to update, in scope. */
  rows: number;
}

/**
 * Writes tokens into the next rows of a range, and has the target's own work done for them.
 *
 * @param size how many keys to go through
 * @param tokens as many, at least
 */
export async function updateNext(
  transaction: Queryable,
  target: Target,
  range: KeyRange,
  size: number,
  tokens: Tokens,
): Promise<UpdatedPage> {
  // With fewer, the page would seem to be the last one.
  if (tokens !== 'database' && tokens.stored.length < size) throw new Error(`${size} rows need as many tokens`);
  const page = sql`SELECT key, row_number() OVER (ORDER BY key) AS place FROM (${nextKeys(target, range, size)}) AS next`;
  return tokens === 'database'
    ? updateByDatabase(transaction, target, range, page)
    : updateWith(transaction, target, range, page, tokens);
}

/** The columns of an UpdatedPage that are known of the page alone. */
const END_OF_PAGE = sql`SELECT key::text AS "lastKey", place::int AS keys FROM page ORDER BY place DESC LIMIT 1`;

const EMPTY_PAGE: UpdatedPage = { lastKey: null, keys: 0, rows: 0 };

/**
 * The page and the update in one statement: the next keys after the cursor, each with the token of its place. No key
 * travels to the client and back, and no row can come or go between reading the page and writing it.
 */
async function updateWith(
  transaction: Queryable,
  target: Target,
  range: KeyRange,
  page: Sql,
  tokens: FreshTokens,
): Promise<UpdatedPage> {
  const { key } = target;
  const given = sql`unnest(${arrayLiteral(tokens.stored)}::${typeOf(target)}[]) WITH ORDINALITY AS given (token, place)`;
  // The bounds on the key look redundant and are not: without them the planner may choose to scan the whole table.
  const where = sql`${key.sql} = page.key AND ${within(range, key.sql)}`;
  const [updated] = await transaction.$queryRaw<(UpdatedPage & Updated)[]>`
    WITH page AS MATERIALIZED (SELECT * FROM (${page}) AS numbered JOIN ${given} USING (place)),
    updated AS (${update(target, sql`page.token`, where, sql`FROM page`, sql`page.place`)})
    SELECT * FROM (${END_OF_PAGE}) AS page_end, (${summaryFor(target)}) AS summary`;
  if (updated === undefined) return EMPTY_PAGE;
  await handOver(transaction, target, updated.handed, tokens);
  return updated;
}

/** Finds where the page ends, then updates up to there: cheaper than the above where rows need not be numbered. */
async function updateByDatabase(
  transaction: Queryable,
  target: Target,
  range: KeyRange,
  page: Sql,
): Promise<UpdatedPage> {
  const [end] = await transaction.$queryRaw<Omit<UpdatedPage, 'rows'>[]>`WITH page AS (${page}) ${END_OF_PAGE}`;
  if (end?.lastKey == null) return EMPTY_PAGE;
  const where = within({ ...range, upTo: end.lastKey }, target.key.sql);
  return { ...end, rows: await updateWhere(transaction, target, where, 'database') };
}

/** Writes a token into one row. @returns how many rows there were: 1, or 0 */
export function updateOne(transaction: Queryable, target: Target, key: Key, tokens: Tokens): Promise<number> {
  return updateWhere(transaction, target, sql`${target.key.sql} = ${key}`, tokens);
}

/** Of given tokens, the first. */
async function updateWhere(transaction: Queryable, target: Target, where: Sql, tokens: Tokens): Promise<number> {
  const value = tokens === 'database' ? sql`gen_random_uuid()` : sql`${tokens.stored[0]}::${typeOf(target)}`;
  const [updated] = await transaction.$queryRaw<Updated[]>`
    WITH updated AS (${update(target, value, where)}) ${summaryFor(target)}`;
  if (updated === undefined) return 0;
  await handOver(transaction, target, updated.handed, tokens);
  return updated.rows;
}

/** What the database takes tokens for before it assigns them to the column, whose own type may be another. */
function typeOf({ kind }: Target): Sql {
  return kind.type === 'uuid' ? sql`uuid` : sql`text`;
}

/** The statement; for a target that has work to do for its rows, they are returned. */
function update(target: Target, value: Sql, where: Sql, others = empty, place = sql`1`): Sql {
  const { key, token, scope, afterBatch } = target;
  const stored = token.type === 'Bytes' ? sql`decode(${value}, 'hex')` : value;
  const inScope = scope === null ? empty : sql` AND (${scope})`;
  const returned =
    afterBatch === null ? sql`1` : sql`json_build_array(${key.sql}::text, ${place}, ${token.sql}::text) AS row`;
  return sql`UPDATE ${target.from} SET ${identifier(token.name)} = ${stored} ${others} WHERE ${where}${inScope} RETURNING ${returned}`;
}

/** What `update` has done. */
interface Updated {
  rows: number;
  /** Key, place and stored token of each row; null when there is none, or nobody wants to know. */
  handed: [key: string, place: number, token: string][] | null;
}

function summaryFor({ afterBatch }: Target): Sql {
  const handed = afterBatch === null ? sql`NULL` : sql`json_agg(row)`;
  return sql`SELECT count(*)::int AS rows, ${handed} AS handed FROM updated`;
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
