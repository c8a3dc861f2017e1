/** Hands the rows of a batch over to the target's `afterBatch`. */

import { keyForPrisma } from '../config/key.ts';
import { storedText, type Target } from '../config/target.ts';
import type { Tokens } from '../config/tokens.ts';
import type { Queryable } from '../database/database.ts';
import { letPlannerChoose } from '../database/planner.ts';
import { type Sql, sql } from '../database/sql.ts';
import { callAfterBatch } from './after-batch.ts';

/** Selects what `afterBatch` needs of an updated row, if the target has one. */
export function handedOf({ afterBatch, withOldTokens, key, token }: Target, place: Sql): Sql {
  if (afterBatch === null) return sql`1`;
  const old = withOldTokens ? storedText({ ...token, sql: sql`page.old` }) : sql`NULL`;
  return sql`json_build_array(${key.text}, ${place}, ${token.sql}::text, ${old})`;
}

/** Result of an update's statement. */
export interface Updated {
  rows: number;
  /** Key, place, stored token and old token of each row; null if there are no rows, or no `afterBatch`. */
  handed: [key: string, place: number, token: string, old: string | null][] | null;
}

/** Rows that `afterBatch` gets at a time: Prisma's `createMany` of 20,000 takes 500 MB. */
const ROWS_AT_A_TIME = 1_000;

/** Calls the target's `afterBatch`, if it has one, with tokens in clear: a stored hash is of no use to it. */
export async function handOver(
  transaction: Queryable,
  target: Target,
  handed: Updated['handed'],
  tokens: Tokens,
): Promise<void> {
  if (target.afterBatch === null || handed === null) return;
  const tokenOf = (place: number, stored: string) =>
    tokens !== 'database' && 'fresh' in tokens && target.kind.hash !== null ? (tokens.fresh[place - 1] ?? '') : stored;
  await letPlannerChoose(transaction);
  for (let start = 0; start < handed.length; start += ROWS_AT_A_TIME) {
    const rows = handed.slice(start, start + ROWS_AT_A_TIME).map(([key, place, stored, old]) => ({
      key: keyForPrisma(target.key, key),
      token: tokenOf(place, stored),
      ...(target.withOldTokens && { oldToken: oldTokenOf(target, old) }),
    }));
    await callAfterBatch(target.afterBatch, transaction, rows);
  }
}

/** As Prisma has it. */
function oldTokenOf({ token }: Target, text: string | null): string | Uint8Array | null {
  return text !== null && token.type === 'Bytes' ? Uint8Array.from(Buffer.from(text, 'hex')) : text;
}
