import type { RotationContext } from '../context.ts';
import type { Queryable } from '../database.ts';
import type { Finding } from '../finding.ts';
import { Prisma } from '../generated/prisma/client.ts';
import { MAX_ROWS_COUNTED } from '../partitions.ts';
import { retry } from '../retry.ts';
import { countOf } from '../wording.ts';
import { readByIndex } from './read-only.ts';

/** Rows read by one statement: it takes a hundredth of a second. */
const ROWS_PER_PAGE = 50_000;

/** What the tokens of the rows up to the watermark are like. */
export interface TokenScan {
  watermark: bigint;
  rows: number;
  nulls: number;
  /** Tokens that are no version 4 UUIDs, so that this package has not written them. */
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
  lastKey: bigint | null;
}

/**
 * Looks at every token up to the watermark, page by page, so that no statement takes long. Rows that come and go
 * meanwhile may or may not be in it.
 *
 * @throws AbortError between two pages when the signal is aborted
 */
export async function scanTokens(context: RotationContext, watermark: bigint): Promise<TokenScan> {
  const scan: TokenScan = { watermark, rows: 0, nulls: 0, foreign: 0 };
  for (let after: bigint | null = null; ; ) {
    context.signal.throwIfAborted();
    const page = await retry(context, () =>
      readByIndex(context.database, (transaction) => readPage(transaction, after, watermark)),
    );
    scan.rows += page.rows;
    scan.nulls += page.nulls;
    scan.foreign += page.foreign;
    if (page.rows < ROWS_PER_PAGE) return scan;
    after = page.lastKey;
  }
}

/** Version and variant of a UUID are in the upper bits of its bytes 6 and 8 (RFC 9562, section 4). */
const IS_VERSION_4 = Prisma.sql`get_byte(uuid_send(token), 6) >> 4 = 4 AND get_byte(uuid_send(token), 8) >> 6 = 2`;

async function readPage(transaction: Queryable, after: bigint | null, upTo: bigint): Promise<Page> {
  const above = after === null ? Prisma.empty : Prisma.sql`id > ${after} AND`;
  const [page] = await transaction.$queryRaw<Page[]>`
    SELECT max(id) AS "lastKey", count(*)::int AS rows, count(*) FILTER (WHERE token IS NULL)::int AS nulls,
      count(*) FILTER (WHERE NOT (${IS_VERSION_4}))::int AS foreign
    FROM (SELECT id, token FROM tickets WHERE ${above} id <= ${upTo} ORDER BY id LIMIT ${ROWS_PER_PAGE}) AS page`;
  return page ?? { lastKey: null, rows: 0, nulls: 0, foreign: 0 };
}

/** Finds the index that keeps tokens apart; where there is none, looks for duplicates, unless that takes too long. */
export async function findUniqueness(context: RotationContext, scan: TokenScan): Promise<Uniqueness> {
  const { database } = context;
  const index = await retry(context, () => uniqueIndex(database));
  if (index !== null) return { index, duplicates: 0 };
  context.signal.throwIfAborted();
  const isAffordable = scan.rows <= MAX_ROWS_COUNTED;
  const duplicates = isAffordable ? await retry(context, () => countDuplicates(database, scan.watermark)) : null;
  return { index, duplicates };
}

/** One on the token alone, which is finished, and has all rows in it. */
async function uniqueIndex(database: Queryable): Promise<string | null> {
  const [index] = await database.$queryRaw<{ name: string }[]>`
    SELECT pg_class.relname AS name
    FROM pg_index
    JOIN pg_class ON pg_class.oid = indexrelid
    JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0]
    WHERE indrelid = 'tickets'::regclass AND attname = 'token' AND indnkeyatts = 1
      AND indisunique AND indisvalid AND indpred IS NULL`;
  return index?.name ?? null;
}

/** How many tokens are on more than one row. */
async function countDuplicates(database: Queryable, upTo: bigint): Promise<number> {
  const [row] = await database.$queryRaw<{ duplicates: number }[]>`
    SELECT count(*)::int AS duplicates
    FROM (SELECT FROM tickets WHERE id <= ${upTo} GROUP BY token HAVING token IS NOT NULL AND count(*) > 1) AS repeated`;
  return row?.duplicates ?? 0;
}

/** Whether the tokens are such as a rotation leaves behind. */
export function shapeFinding(scan: TokenScan, uniqueness: Uniqueness): Finding {
  const faults = faultsOf(scan, uniqueness);
  if (faults.length > 0) {
    return {
      check: 'shape',
      level: 'stop',
      message: `Up to key ${scan.watermark}, ${faults.join(', and ')}.`,
      advice: 'Find out who wrote them; another rotation, under another --name, gives each row a fresh token.',
    };
  }
  const tokens = `All ${countOf(scan.rows, 'token')} up to key ${scan.watermark} are version 4 UUIDs`;
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
    advice: 'CREATE UNIQUE INDEX CONCURRENTLY ON tickets (token), then verify again.',
  };
}

function faultsOf({ nulls, foreign }: TokenScan, { duplicates }: Uniqueness): string[] {
  return [
    ...(nulls > 0 ? [`${countOf(nulls, 'row')} without a token`] : []),
    ...(foreign > 0 ? [`${countOf(foreign, 'token')} of another kind than version 4 UUIDs`] : []),
    ...(duplicates !== null && duplicates > 0 ? [`${countOf(duplicates, 'token')} on more than one row`] : []),
  ];
}
