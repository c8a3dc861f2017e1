import { arrayLiteral } from '../array-literal.ts';
import type { Key } from '../checkpoint.ts';
import type { RotationContext } from '../context.ts';
import type { Queryable } from '../database.ts';
import type { Finding } from '../finding.ts';
import { MAX_ROWS_COUNTED } from '../partitions.ts';
import { retry } from '../retry.ts';
import { empty, nameForPeople, type Sql, sql } from '../sql.ts';
import type { Column, Target } from '../target.ts';
import type { TokenKind } from '../token-kinds.ts';
import { countOf } from '../wording.ts';
import { readByIndex } from './read-only.ts';

/** Rows read by one statement: it takes a hundredth of a second. */
const ROWS_PER_PAGE = 50_000;

/** What the tokens of the rows up to the watermark are like. */
export interface TokenScan {
  watermark: Key;
  /** In scope. */
  rows: number;
  nulls: number;
  /** Tokens that are not of the target's kind, so that this package has not written them. */
  foreign: number;
}

/** Whether two rows have the same token. */
export interface Uniqueness {
  /** The index that rules it out; null: there is none. */
  index: string | null;
  /** How many tokens are on more than one row; null: there are too many rows to find out. */
  duplicates: number | null;
}

interface Page extends Omit<TokenScan, 'watermark'> {
  /** null: the page is empty. */
  lastKey: Key | null;
  /** In scope or not. */
  keys: number;
}

/**
 * Looks at every token up to the watermark, page by page, so that no statement takes long. Rows that come and go
 * meanwhile may or may not be in it.
 *
 * @throws AbortError between two pages when the signal is aborted
 */
export async function scanTokens(context: RotationContext, watermark: Key): Promise<TokenScan> {
  const scan: TokenScan = { watermark, rows: 0, nulls: 0, foreign: 0 };
  for (let after: Key | null = null; ; ) {
    context.signal.throwIfAborted();
    const page = await retry(context, () =>
      readByIndex(context.database, (transaction) => readPage(transaction, context.target, after, watermark)),
    );
    scan.rows += page.rows;
    scan.nulls += page.nulls;
    scan.foreign += page.foreign;
    if (page.keys < ROWS_PER_PAGE) return scan;
    after = page.lastKey;
  }
}

async function readPage(
  transaction: Queryable,
  { from, key, token, kind, scope }: Target,
  after: Key | null,
  upTo: Key,
): Promise<Page> {
  const above = after === null ? empty : sql`${key.sql} > ${after} AND`;
  const isForeign =
    kind.form === null ? sql`false` : sql`NOT token LIKE ANY (${arrayLiteral(kind.form.patterns)}::text[])`;
  const [page] = await transaction.$queryRaw<Page[]>`
    SELECT (array_agg(key))[count(*)]::text AS "lastKey", count(*)::int AS keys,
      count(*) FILTER (WHERE is_in_scope)::int AS rows,
      count(*) FILTER (WHERE is_in_scope AND token IS NULL)::int AS nulls,
      count(*) FILTER (WHERE is_in_scope AND ${isForeign})::int AS foreign
    FROM (
      SELECT ${key.sql} AS key, ${textOf(token)} AS token, ${scope ?? sql`true`} AS is_in_scope
      FROM ${from} WHERE ${above} ${key.sql} <= ${upTo} ORDER BY ${key.sql} LIMIT ${ROWS_PER_PAGE}
    ) AS page`;
  return page ?? EMPTY_PAGE;
}

const EMPTY_PAGE: Page = { lastKey: null, keys: 0, rows: 0, nulls: 0, foreign: 0 };

/** As the patterns of a kind expect it. */
function textOf(token: Column): Sql {
  return token.type === 'Bytes' ? sql`encode(${token.sql}, 'hex')` : sql`${token.sql}::text`;
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

/** How many tokens are on more than one row. */
async function countDuplicates(database: Queryable, { from, key, token }: Target, upTo: Key): Promise<number> {
  const [row] = await database.$queryRaw<{ duplicates: number }[]>`
    SELECT count(*)::int AS duplicates
    FROM (
      SELECT FROM ${from} WHERE ${key.sql} <= ${upTo}
      GROUP BY ${token.sql} HAVING ${token.sql} IS NOT NULL AND count(*) > 1
    ) AS repeated`;
  return row?.duplicates ?? 0;
}

/** Whether the tokens are such as a rotation leaves behind. */
export function shapeFinding({ tableName, token, kind }: Target, scan: TokenScan, uniqueness: Uniqueness): Finding {
  const faults = faultsOf(kind, scan, uniqueness);
  if (faults.length > 0) {
    return {
      check: 'shape',
      level: 'stop',
      message: `Up to key ${scan.watermark}, ${faults.join(', and ')}.`,
      advice: 'Find out who wrote them; another rotation, under another --name, gives each row a fresh token.',
    };
  }
  const form = kind.form ? `are ${kind.form.name}` : 'are there, of a form of your own that is not checked';
  const tokens = `All ${countOf(scan.rows, 'token')} up to key ${scan.watermark} ${form}`;
  if (uniqueness.index !== null) {
    return { check: 'shape', level: 'ok', message: `${tokens}, kept apart by the unique index ${uniqueness.index}.` };
  }
  if (uniqueness.duplicates !== null) {
    return { check: 'shape', level: 'ok', message: `${tokens}, and no two are the same.` };
  }
  return {
    check: 'shape',
    level: 'warning',
    message: `${tokens}; but no unique index keeps them apart, and there are too many to compare.`,
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
