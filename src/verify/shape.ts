import type { Key } from '../checkpoint/checkpoints.ts';
import { keyValue } from '../config/key.ts';
import { MAX_ROWS_COUNTED } from '../config/settings.ts';
import type { Target } from '../config/target.ts';
import type { TokenKind } from '../config/token-kinds.ts';
import type { RotationContext } from '../context.ts';
import type { Queryable } from '../database/database.ts';
import { retry } from '../database/retry.ts';
import { nameForPeople } from '../database/sql.ts';
import type { Finding } from '../finding.ts';
import { countOf } from '../text/wording.ts';
import type { TableScan } from './scan.ts';

/** The part of a scan that concerns the form of tokens. */
type TokenScan = Pick<TableScan, 'watermark' | 'rows' | 'nulls' | 'foreign'>;

/** True if two rows have the same token. */
export interface Uniqueness {
  /** The index that rules it out; null: there is none. */
  index: string | null;
  /** Number of tokens that are on more than one row; null: too many rows to find out. */
  duplicates: number | null;
}

/** Finds the index that keeps tokens apart; where there is none, looks for duplicates, unless that takes too long. */
export async function findUniqueness(context: RotationContext, scan: TokenScan): Promise<Uniqueness> {
  const { database, target } = context;
  const index = await retry(context, () => uniqueIndex(database, target));
  if (index !== null) return { index, duplicates: 0 };
  context.signal.throwIfAborted();
  const isAffordable = scan.rows <= MAX_ROWS_COUNTED;
  const duplicates = isAffordable
    ? await retry(context, () => countDuplicates(database, target, scan.watermark))
    : null;
  return { index, duplicates };
}

/** One on the token alone, which is finished, and has all rows in it. */
async function uniqueIndex(database: Queryable, { relation, token }: Target): Promise<string | null> {
  const [index] = await database.$queryRaw<{ name: string }[]>`
    SELECT pg_class.relname AS name
    FROM pg_index
    JOIN pg_class ON pg_class.oid = indexrelid
    JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0]
    WHERE indrelid = ${relation}::regclass AND attname = ${token.name} AND indnkeyatts = 1
      AND indisunique AND indisvalid AND indpred IS NULL`;
  return index?.name ?? null;
}

/** Number of tokens that are on more than one row. */
async function countDuplicates(database: Queryable, { from, key, token }: Target, upTo: Key): Promise<number> {
  const [row] = await database.$queryRaw<{ duplicates: number }[]>`
    SELECT count(*)::int AS duplicates
    FROM (
      SELECT FROM ${from} WHERE ${key.sql} <= ${keyValue(key, upTo)}
      GROUP BY ${token.sql} HAVING ${token.sql} IS NOT NULL AND count(*) > 1
    ) AS repeated`;
  return row?.duplicates ?? 0;
}

/** Checks that the tokens have the form that a rotation writes. */
export function shapeFinding({ tableName, token, kind }: Target, scan: TokenScan, uniqueness: Uniqueness): Finding {
  const faults = faultsOf(kind, scan, uniqueness);
  if (faults.length > 0) {
    return {
      check: 'shape',
      level: 'stop',
      message: `Up to key ${scan.watermark}, ${faults.join(', and ')}.`,
      advice: 'Find out what wrote them. Another rotation (--again, with another --name) gives each row a fresh token.',
    };
  }
  const form = kind.form ? `are ${kind.form.name}` : 'have a custom format, which is not checked';
  const tokens = `All ${countOf(scan.rows, 'token')} up to key ${scan.watermark} ${form}`;
  if (uniqueness.index !== null) {
    return {
      check: 'shape',
      level: 'ok',
      message: `${tokens}; unique index ${uniqueness.index} rules out duplicates.`,
    };
  }
  if (uniqueness.duplicates !== null) {
    return { check: 'shape', level: 'ok', message: `${tokens}; no two are equal.` };
  }
  return {
    check: 'shape',
    level: 'warning',
    message: `${tokens}; but no unique index rules out duplicates, and there are too many to compare.`,
    advice: `CREATE UNIQUE INDEX CONCURRENTLY ON ${tableName} (${nameForPeople(token.name)}), then verify again.`,
  };
}

function faultsOf({ form }: TokenKind, { nulls, foreign }: TokenScan, { duplicates }: Uniqueness): string[] {
  return [
    ...(nulls > 0 ? [`${countOf(nulls, 'row')} without a token`] : []),
    ...(foreign > 0 ? [`${countOf(foreign, 'token')} of another kind than ${form?.name}`] : []),
    ...(duplicates !== null && duplicates > 0 ? [`${countOf(duplicates, 'token')} on more than one row`] : []),
  ];
}
