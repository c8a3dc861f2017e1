/** Proves within a batch that its rows took their tokens, which a trigger may prevent. */

import { type CondemnedTokens, isCondemnedSql, type ListedTokens } from '../checkpoint/condemned-tokens.ts';
import { inScope, type KeyCondition, matchesOne, type Target } from '../config/target.ts';
import type { Tokens } from '../config/tokens.ts';
import type { Queryable } from '../database/database.ts';
import { letPlannerChoose } from '../database/planner.ts';
import { type Sql, sql } from '../database/sql.ts';
import { TokensNotTakenError } from '../errors/errors.ts';
import { type KeyRange, within } from './page.ts';

/** Tells an update how to prove that each row took its token. */
export interface Guard {
  /** True if a trigger of the table fires for each updated row. Otherwise no row can end up with another token. */
  firesTriggers: boolean;
  /** Null if none are known. */
  condemned: CondemnedTokens | ListedTokens | null;
}

/** The condition that an updated row holds its old token, or another than the one it was given. */
export function notTaken({ token }: Target, value: Sql, tokens: Tokens): Sql {
  if (tokens === 'database') return sql`${token.sql} IS NOT DISTINCT FROM page.old`;
  return token.type === 'Bytes'
    ? sql`${token.sql} IS DISTINCT FROM ${value}`
    : sql`${token.sql}::text IS DISTINCT FROM ${value}::text`;
}

/** Counts the rows of an update. */
export interface Taken {
  /** Rows that were to take a token. */
  expected: number;
  /** Rows that were updated. */
  rows: number;
  /** Updated rows that did not take their token. */
  notTaken: number;
}

/**
 * A row that was deleted, or left the scope, between reading and writing counts as not taken: the batch is repeated.
 *
 * @throws TokensNotTakenError when a row did not take its token
 */
export function assertTaken({ expected, rows, notTaken }: Taken): void {
  const missing = Math.max(0, expected - rows) + notTaken;
  if (missing > 0) throw new TokensNotTakenError(expected, missing);
}

/**
 * Proves after an update that no row holds a condemned token. Triggers that are deferred to the commit run first.
 *
 * @throws TokensNotTakenError when a row holds one
 */
export async function assertNoneCondemned(
  transaction: Queryable,
  target: Target,
  isUpdated: KeyCondition,
  rows: number,
  { firesTriggers, condemned }: Guard,
): Promise<void> {
  if (!firesTriggers || condemned === null || rows === 0) return;
  await letPlannerChoose(transaction);
  await transaction.$executeRaw`SET CONSTRAINTS ALL IMMEDIATE`;
  const [left] = await transaction.$queryRaw<{ rows: number }[]>`
    SELECT count(*)::int AS rows FROM ${target.from}
    WHERE ${isUpdated(target.key.sql)} AND ${inScope(target, isUpdated)} AND ${isCondemnedSql(target, condemned)}`;
  assertTaken({ expected: rows, rows, notTaken: left?.rows ?? rows });
}

/** The condition that a row has no token, or one that does not have the form of the target's kind. */
export function isForeignSql({ token, kind }: Target): Sql {
  if (kind.form === null) return sql`${token.sql} IS NULL`;
  return sql`(${matchesOne(token, kind.form.patterns)}) IS NOT TRUE`;
}

/** @returns the number of rows in scope of a range whose token does not have the target's form */
export async function countForeign(transaction: Queryable, target: Target, range: KeyRange): Promise<number> {
  const { from, key, kind } = target;
  if (kind.form === null) return 0;
  const [found] = await transaction.$queryRaw<{ rows: number }[]>`
    SELECT count(*)::int AS rows FROM ${from}
    WHERE ${within(target, range, key.sql)} AND ${inScope(target, (column) => within(target, range, column))}
      AND ${isForeignSql(target)}`;
  return found?.rows ?? 0;
}
