import type { Key } from '../checkpoint/checkpoints.ts';
import {
  type CondemnedTokens,
  hashSql,
  holds,
  isCondemnedSql,
  isOlderThanPlan,
} from '../checkpoint/condemned-tokens.ts';
import { keyOrder } from '../checkpoint/key-order.ts';
import { keyTextIn, keyValue } from '../config/key.ts';
import { inScope, matchesOne, type Target } from '../config/target.ts';
import type { RotationContext } from '../context.ts';
import type { Queryable } from '../database/database.ts';
import { retry } from '../database/retry.ts';
import { type Sql, sql } from '../database/sql.ts';
import { type OpenTransaction, readOpenTransactions } from '../plan/open-transactions.ts';
import {
  BLOCKS_PER_STATEMENT,
  type BlockRange,
  inSharedSnapshot,
  type ScanProgress,
  scanBlocks,
} from '../plan/table-scan.ts';
import { readColumnType } from '../preflight/columns.ts';

/** Rows that hold a condemned token. */
export interface Survivors {
  count: number;
  /** The keys of up to 1,000 of them, in key order. */
  keys: Key[];
}

/** Result of a scan of every row of the table. */
export interface TableScan {
  watermark: Key;
  /** Up to the watermark, in scope. */
  rows: number;
  /** Of these, without a token. */
  nulls: number;
  /** Of these, with a token that is not of the target's kind, so that this package has not written it. */
  foreign: number;
  /** In the whole table; null where no token was condemned. */
  condemned: CondemnedScan | null;
}

/** Condemned tokens that the scan found, under any key. */
export interface CondemnedScan {
  /** Number of condemned tokens, and number of their hashes that still exist. */
  condemned: number;
  hashes: number;
  inScope: Survivors;
  outOfScope: Survivors;
  /** Transactions that may still commit rows from before the rotation. */
  openTransactions: OpenTransaction[];
}

/** Number of keys that are kept. */
export const MAX_KEYS = 1_000;

/** Result of scanning one range of blocks. */
interface Stretch {
  rows: number;
  nulls: number;
  foreign: number;
  inScope: number;
  inScopeKeys: Key[] | null;
  outOfScope: number;
  outOfScopeKeys: Key[] | null;
}

/**
 * Looks at every row of the table as it is at one moment, in short statements. Nothing is written, so it needs no right
 * to.
 *
 * @throws AbortError between two statements when the signal is aborted
 */
export async function scanTable(
  context: RotationContext,
  watermark: Key,
  condemned: CondemnedTokens | null,
): Promise<TableScan> {
  const { database, target, settings, signal, onEvent } = context;
  const scan = await retry(context, async () => {
    // Before the snapshot is taken: a transaction that commits in between would be in neither.
    const open = condemned === null ? [] : await readOpenTransactions(database, target, condemned);
    return inSharedSnapshot(database, settings.workers, async (readers) => {
      const hashes = condemned === null ? 0 : await countHashes(readers[0], target, condemned);
      const hasForm = hasFormSql(target, (await readColumnType(readers[0], target, target.token))?.baseType);
      const sum = { rows: 0, nulls: 0, foreign: 0, inScope: noSurvivors(), outOfScope: noSurvivors() };
      const readStretch = async (reader: Queryable, { condition }: BlockRange) => {
        const stretch = await read(reader, target, condition, watermark, condemned, hasForm);
        sum.rows += stretch.rows;
        sum.nulls += stretch.nulls;
        sum.foreign += stretch.foreign;
        addSurvivors(sum.inScope, stretch.inScope, stretch.inScopeKeys);
        addSurvivors(sum.outOfScope, stretch.outOfScope, stretch.outOfScopeKeys);
      };
      const onProgress = (progress: ScanProgress) => onEvent({ type: 'checking', ...progress });
      await scanBlocks(readers, target, signal, readStretch, onProgress, blocksPerStatement(condemned));
      return { ...sum, hashes, open };
    });
  });
  const { rows, nulls, foreign, inScope, outOfScope, hashes, open } = scan;
  const found = condemned && { condemned: condemned.count, hashes, inScope, outOfScope, openTransactions: open };
  for (const survivors of [inScope, outOfScope]) survivors.keys = await inOrder(context, survivors.keys);
  return { watermark, rows, nulls, foreign, condemned: found };
}

function noSurvivors(): Survivors {
  return { count: 0, keys: [] };
}

function addSurvivors(survivors: Survivors, count: number, keys: readonly Key[] | null): void {
  survivors.count += count;
  survivors.keys.push(...(keys ?? []).slice(0, MAX_KEYS - survivors.keys.length));
}

async function inOrder(context: RotationContext, keys: Key[]): Promise<Key[]> {
  if (keys.length < 2) return keys;
  const order = await retry(context, () => keyOrder(context.database, context.target, keys));
  return keys.sort((a, b) => order(a) - order(b));
}

async function countHashes(
  transaction: Queryable,
  { records }: Target,
  { rotation }: CondemnedTokens,
): Promise<number> {
  const [sum] = await transaction.$queryRaw<{ hashes: number }[]>`
    SELECT coalesce(sum(cardinality(hashes)), 0)::float8 AS hashes
    FROM ${records.condemnedTokens} WHERE rotation = ${rotation} AND bucket >= 0`;
  return sum?.hashes ?? 0;
}

/** Each statement reads all hashes first. The more there are, the more rows it looks up with them, for a few seconds at most. */
function blocksPerStatement(condemned: CondemnedTokens | null): number {
  const times = (condemned?.hashedAs.buckets ?? 0) / BUCKETS_READ_AT_ONCE;
  return BLOCKS_PER_STATEMENT * Math.min(MOST_TIMES_LONGER, Math.max(1, times));
}

/** Buckets that are read in less time than the rows of a usual stretch: of some two million hashes. */
const BUCKETS_READ_AT_ONCE = 2 ** 15;

const MOST_TIMES_LONGER = 8;

/**
 * The condition that a token has the form of the target's kind; null where there is no token. A UUID's version and variant
 * (RFC 9562, section 4) are read from its bytes, which is cheaper than comparing its text.
 *
 * @param baseType of the token's column, as the catalog names it
 */
function hasFormSql({ token, kind }: Target, baseType: string | undefined): Sql {
  if (kind.form === null) return sql`true`;
  if (kind.type !== 'uuid' || baseType !== 'uuid') return matchesOne(token, kind.form.patterns);
  const bytes = sql`uuid_send(${token.sql})`;
  return sql`(get_byte(${bytes}, 6) >> 4 = 4 AND get_byte(${bytes}, 8) >> 6 = 2)`;
}

async function read(
  transaction: Queryable,
  target: Target,
  condition: Sql,
  watermark: Key,
  condemned: CondemnedTokens | null,
  hasForm: Sql,
): Promise<Stretch> {
  const { from, key, token, records } = target;
  const hash = condemned === null ? sql`NULL::bigint` : hashSql(token.sql, condemned.hashedAs);
  const isHeld = condemned === null ? sql`false` : holds(sql`hash`, condemned);
  const keys = (which: Sql) =>
    sql`(array_agg(${keyTextIn(key, 'looked_at')}) FILTER (WHERE ${which}))[1:${MAX_KEYS}::int]`;
  const [isSurvivor, isOutOfScope] = [sql`is_condemned AND is_in_scope`, sql`has_hash AND NOT is_in_scope`];
  // OFFSET 0: or the planner would compute each expression once for each of its uses.
  const [stretch] = await transaction.$queryRaw<Stretch[]>`
    SELECT count(*) FILTER (WHERE is_covered)::int AS rows,
      count(*) FILTER (WHERE is_covered AND is_null)::int AS nulls,
      count(*) FILTER (WHERE is_covered AND NOT has_form)::int AS foreign,
      count(*) FILTER (WHERE ${isSurvivor})::int AS "inScope", ${keys(isSurvivor)} AS "inScopeKeys",
      count(*) FILTER (WHERE ${isOutOfScope})::int AS "outOfScope", ${keys(isOutOfScope)} AS "outOfScopeKeys"
    FROM (
      SELECT stretch.*, is_in_scope AND is_up_to_watermark AS is_covered,
        is_old OR condemned.bucket IS NOT NULL AS is_condemned, condemned.bucket IS NOT NULL AS has_hash
      FROM (
        SELECT ${key.selected}, ${token.sql} IS NULL AS is_null, ${hasForm} AS has_form, ${hash} AS hash,
          ${inScope(target)} AS is_in_scope, ${key.sql} <= ${keyValue(key, watermark)} AS is_up_to_watermark,
          ${condemned === null ? sql`false` : isOlderThanPlan(target, condemned)} AS is_old
        FROM ${from} WHERE ${condition}
        OFFSET 0
      ) AS stretch
      LEFT JOIN ${records.condemnedTokens} AS condemned ON ${isHeld}
    ) AS looked_at`;
  return stretch ?? { rows: 0, nulls: 0, foreign: 0, inScope: 0, inScopeKeys: [], outOfScope: 0, outOfScopeKeys: [] };
}

/**
 * Finds rows in scope that hold a condemned token.
 *
 * @param condition the stretch of the table to look at
 * @param after only keys above it; null: from the first
 * @returns up to `limit` keys, in key order
 */
export async function readSurvivors(
  database: Queryable,
  target: Target,
  condition: Sql,
  condemned: CondemnedTokens,
  after: Key | null,
  limit: number,
): Promise<Key[]> {
  const { from, key } = target;
  const above = after === null ? sql`true` : sql`${key.sql} > ${keyValue(key, after)}`;
  const rows = await database.$queryRaw<{ key: Key }[]>`
    SELECT ${key.text} AS key FROM ${from}
    WHERE ${condition} AND ${above} AND ${inScope(target)} AND ${isCondemnedSql(target, condemned)}
    ORDER BY ${key.ascending} LIMIT ${limit}`;
  return rows.map(({ key }) => key);
}
