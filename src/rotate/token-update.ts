/** The statements that write tokens. */

import type { Key } from '../checkpoint/checkpoints.ts';
import { type CondemnedTokens, isCondemnedSql } from '../checkpoint/condemned-tokens.ts';
import type { Target } from '../config/target.ts';
import { UUID_BYTES } from '../config/token-kinds.ts';
import type { Tokens } from '../config/tokens.ts';
import { arrayLiteral } from '../database/array-literal.ts';
import type { Queryable } from '../database/database.ts';
import { empty, identifier, type Sql, sql } from '../database/sql.ts';
import { handedOf, handOver, type Updated } from './hand-over.ts';
import { isOneOf, lockScope } from './lock-scope.ts';
import { type KeyRange, keyAt, within } from './page.ts';
import { assertNoneCondemned, assertTaken, type Guard, notTaken, type Taken } from './taken.ts';

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
  // With fewer, the page would look like the last one.
  if (tokens !== 'database' && countOf(tokens) < size) throw new Error(`${size} rows need as many tokens`);
  const end = await keyAt(transaction, target, range, size);
  const page = { ...range, upTo: end ?? range.upTo };
  const inPage = (key: Sql) => within(page, key);
  const where = await lockScope(transaction, target, inPage);
  if (tokens === 'database' && !guard.firesTriggers) {
    const rows = await updateByDatabase(transaction, target, where);
    return { end: page.upTo, keys: end === null ? rows : size, rows };
  }
  const bound = inPage(target.key.sql);
  const { lastKey, keys, rows } = await updatePage(transaction, target, where, bound, tokens, guard);
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
  const isIt = (column: Sql) => sql`${column} = ${key}`;
  const where = await lockScope(transaction, target, isIt);
  const { rows } = await updatePage(transaction, target, where, isIt(target.key.sql), tokens, guard);
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
  condemned: CondemnedTokens,
): Promise<number> {
  const isGiven = isOneOf(target, arrayLiteral(keys));
  const where = await lockScope(transaction, target, isGiven);
  const guard = { firesTriggers: true, condemned };
  const isCondemned = sql`${where} AND ${isCondemnedSql(target, condemned)}`;
  const { rows } = await updatePage(transaction, target, isCondemned, sql`true`, tokens, guard);
  await assertNoneCondemned(transaction, target, isGiven, rows, guard);
  return rows;
}

/** Selects the old token, to compare a token with that PostgreSQL makes. */
function oldToken({ token }: Target, tokens: Tokens): Sql {
  return tokens === 'database' ? sql`, ${token.sql} AS old` : empty;
}

/** Selects the end of a page, whichever of its rows were updated. */
const END_OF_PAGE = sql`SELECT key::text AS "lastKey", place::int AS keys FROM page ORDER BY place DESC LIMIT 1`;

/** The last key, and the number of keys, that got a token of their own. */
interface WrittenKeys {
  lastKey: Key | null;
  keys: number;
}

const NOTHING: WrittenKeys & Updated = { lastKey: null, keys: 0, rows: 0, handed: null };

/**
 * Updates a page in one statement, which gives each key the token of its place. No key travels to the client and back.
 * Keys beyond the last token are left for the next page.
 *
 * @param where the condition for its rows
 * @param bound on the rows that are joined with the page. It looks redundant, but without it the planner may scan the
 *   whole table
 */
async function updatePage(
  transaction: Queryable,
  target: Target,
  where: Sql,
  bound: Sql,
  tokens: Tokens,
  { firesTriggers }: Guard,
): Promise<WrittenKeys & Updated> {
  const { from, key, token, afterBatch } = target;
  const numbered = sql`
    SELECT ${key.sql} AS key${oldToken(target, tokens)}, row_number() OVER (ORDER BY ${key.sql}) AS place
    FROM ${from} WHERE ${where}`;
  const page = tokens === 'database' ? numbered : withTokens(numbered, tokens, target);
  const value = tokens === 'database' ? sql`gen_random_uuid()` : storedForm(target, sql`page.token`);
  const isNotTaken = firesTriggers ? notTaken(target, value, tokens) : sql`false`;
  const [updated] = await transaction.$queryRaw<(WrittenKeys & Updated & Pick<Taken, 'notTaken'>)[]>`
    WITH page AS MATERIALIZED (${page}),
    updated AS (
      UPDATE ${from} SET ${identifier(token.name)} = ${value} FROM page
      WHERE ${key.sql} = page.key AND ${bound}
      RETURNING ${isNotTaken} AS is_not_taken, ${handedOf(target, sql`page.place`)} AS row
    )
    SELECT * FROM (${END_OF_PAGE}) AS page_end, (
      SELECT count(*)::int AS rows, count(*) FILTER (WHERE is_not_taken)::int AS "notTaken",
        ${afterBatch === null ? sql`NULL` : sql`json_agg(row)`} AS handed
      FROM updated
    ) AS summary`;
  if (updated === undefined) return NOTHING;
  assertTaken({ ...updated, expected: updated.keys });
  await handOver(transaction, target, updated.handed, tokens);
  return updated;
}

/** Cheaper than `updatePage`, as no row needs a number. @returns the number of rows */
async function updateByDatabase(transaction: Queryable, target: Target, where: Sql): Promise<number> {
  const { from, token, afterBatch } = target;
  const [updated] = await transaction.$queryRaw<Updated[]>`
    WITH updated AS (
      UPDATE ${from} SET ${identifier(token.name)} = gen_random_uuid()
      WHERE ${where} RETURNING ${handedOf(target, sql`1`)} AS row
    )
    SELECT count(*)::int AS rows, ${afterBatch === null ? sql`NULL` : sql`json_agg(row)`} AS handed FROM updated`;
  if (updated === undefined) return 0;
  await handOver(transaction, target, updated.handed, 'database');
  return updated.rows;
}

/** Gives each numbered key the token of its place. Keys beyond the last token are left out. */
function withTokens(numbered: Sql, tokens: Exclude<Tokens, 'database'>, target: Target): Sql {
  if ('packed' in tokens) {
    const bytes = sql`substring(${tokens.packed}::bytea FROM ${UUID_BYTES}::int * (place::int - 1) + 1 FOR ${UUID_BYTES}::int)`;
    return sql`
      SELECT *, encode(${bytes}, 'hex')::uuid AS token FROM (${numbered}) AS numbered WHERE place <= ${countOf(tokens)}`;
  }
  return sql`
    SELECT * FROM (${numbered}) AS numbered
    JOIN unnest(${arrayLiteral(tokens.stored)}::${typeOf(target)}[]) WITH ORDINALITY AS given (token, place)
      USING (place)`;
}

function countOf(tokens: Exclude<Tokens, 'database'>): number {
  return 'packed' in tokens ? tokens.packed.length / UUID_BYTES : tokens.stored.length;
}

/** The type of the tokens' array. The column's own type may be another. */
function typeOf({ kind }: Target): Sql {
  return kind.type === 'uuid' ? sql`uuid` : sql`text`;
}

/** Converts a token to what the column stores. */
function storedForm({ token }: Target, value: Sql): Sql {
  return token.type === 'Bytes' ? sql`decode(${value}, 'hex')` : value;
}
