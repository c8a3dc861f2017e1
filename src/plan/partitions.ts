import type { Key, PlannedPartition } from '../checkpoint/checkpoints.ts';
import { keyValue } from '../config/key.ts';
import { MAX_ROWS_COUNTED } from '../config/settings.ts';
import { inScope, type Target } from '../config/target.ts';
import type { Queryable } from '../database/database.ts';
import { rowTablesOf } from '../database/row-tables.ts';
import { sql } from '../database/sql.ts';

/** Small enough that workers end at about the same time, large enough that claiming one costs nothing in comparison. */
const ROWS_PER_PARTITION = 20_000;
const MAX_PARTITIONS = 256;

/** Blocks of the table (8 kB each) that are read to see how its keys are spread. */
const BLOCKS_SAMPLED = 1_000;

/** The key range of a rotation, cut into partitions. */
export interface PartitionPlan {
  /** The highest key there is now. */
  watermark: Key;
  /** In key order; at least one. */
  partitions: PlannedPartition[];
  /** Counted or, in a large table, estimated. */
  rowsInScope: number;
}

/**
 * Plans a new rotation: everything up to the highest key there is now (the watermark), cut into partitions of about as
 * many rows each. Rows that come later have fresh tokens and stay out of it.
 *
 * Takes about as long for a huge table as for a small one: rows are counted only up to a limit, and the cuts come from
 * a sample of the table's blocks, which also follows gaps and skew that lowest and highest key don't show.
 *
 * @param maxRowsCounted above this many rows in the table the total is an estimate
 * @returns null when the table is empty
 */
export async function planPartitions(
  database: Queryable,
  target: Target,
  rotation: string,
  maxRowsCounted = MAX_ROWS_COUNTED,
): Promise<PartitionPlan | null> {
  const watermark = await highestKey(database, target);
  if (watermark === null) return null;
  const counted = await countRows(database, target, maxRowsCounted + 1);
  const sample = await sampleTable(database, target, watermark);
  const totalIsEstimate = counted.rows > maxRowsCounted;
  const { rows, inScope } = totalIsEstimate && sample.rows > counted.rows ? sample : counted;
  const ranges = cutRange(everyNth(sample.cuts, partitionsFor(rows)), watermark);
  const partitions = ranges.map((range, partition) => ({
    rotation,
    partition,
    ...range,
    rowsTotal: shareOf(inScope, partition, ranges.length),
    totalIsEstimate,
  }));
  return { watermark, partitions, rowsInScope: inScope };
}

/**
 * Plans a rotation of the rows that hold a token of a list: they are found by their tokens, so that one partition will do.
 *
 * @param rows about how many they are
 * @returns null when the table is empty
 */
export async function planListed(
  database: Queryable,
  target: Target,
  rotation: string,
  rows: number,
): Promise<PartitionPlan | null> {
  const watermark = await highestKey(database, target);
  if (watermark === null) return null;
  const rowsTotal = BigInt(rows);
  const only = { rotation, partition: 0, lowerBound: null, upperBound: watermark, rowsTotal, totalIsEstimate: false };
  return { watermark, partitions: [only], rowsInScope: rows };
}

/**
 * Cuts everything up to the watermark into contiguous ranges: each begins where the one before ends, the first one
 * reaches down to the lowest key there may be, the last one ends at the watermark.
 *
 * @param cuts upper bounds in order, all below the watermark; repeated ones are left out
 */
export function cutRange(cuts: readonly Key[], watermark: Key) {
  const upperBounds = [...new Set(cuts), watermark];
  return upperBounds.map((upperBound, index) => ({ lowerBound: upperBounds[index - 1] ?? null, upperBound }));
}

/** Number of partitions for this many rows, in scope or not. */
function partitionsFor(rows: number): number {
  return Math.min(MAX_PARTITIONS, Math.max(1, Math.ceil(rows / ROWS_PER_PARTITION)));
}

/** Of the many fine cuts, those that make so many parts. */
function everyNth(cuts: readonly Key[], parts: number): Key[] {
  return cuts.filter(
    (_, index) => Math.floor(((index + 1) * parts) / MAX_PARTITIONS) > Math.floor((index * parts) / MAX_PARTITIONS),
  );
}

/** Splits a total into whole shares that add up to it again. */
function shareOf(total: number, index: number, parts: number): bigint {
  return BigInt(Math.floor(total / parts) + (index < total % parts ? 1 : 0));
}

/** By the index; not every type of key has a `max`. */
async function highestKey(database: Queryable, { from, key }: Target): Promise<Key | null> {
  const [highest] = await database.$queryRaw<{ key: Key }[]>`
    SELECT ${key.text} AS key FROM ${from} ORDER BY ${key.descending} LIMIT 1`;
  return highest?.key ?? null;
}

/** Number of rows. */
interface RowCount {
  rows: number;
  inScope: number;
}

/** Counts no further than `limit`. */
async function countRows(database: Queryable, target: Target, limit: number): Promise<RowCount> {
  const [counted] = await database.$queryRaw<RowCount[]>`
    SELECT count(*)::float8 AS rows, count(*) FILTER (WHERE is_in_scope)::float8 AS "inScope"
    FROM (SELECT ${inScope(target)} AS is_in_scope FROM ${target.from} LIMIT ${limit}) AS first_rows`;
  return counted ?? { rows: 0, inScope: 0 };
}

interface Sample extends RowCount {
  /** Keys below the watermark, in order, with about as many rows between each two of them. */
  cuts: Key[];
}

async function sampleTable(database: Queryable, target: Target, watermark: Key): Promise<Sample> {
  const { from, relation, key } = target;
  const [size] = await database.$queryRaw<{ blocks: number }[]>`
    SELECT greatest(1, sum(pg_relation_size(oid)) / current_setting('block_size')::int)::float8 AS blocks
    FROM ${rowTablesOf({ relation })} AS tables`;
  const percent = Math.min(100, (100 * BLOCKS_SAMPLED) / (size?.blocks ?? 1));
  const isBelow = sql`${key.sql} < ${keyValue(key, watermark)}`;
  // The cuts are percentiles: percentile_disc sorts no rows of several columns.
  const [sample] = await database.$queryRaw<(RowCount & { cuts: Key[] })[]>`
    WITH sampled AS MATERIALIZED (
      SELECT ${key.text} AS key, ${inScope(target)} AS is_in_scope, ${isBelow} AS is_below,
        row_number() OVER (PARTITION BY ${isBelow} ORDER BY ${key.ascending}) AS place
      FROM ${from} TABLESAMPLE SYSTEM (${percent})
    ),
    below AS (SELECT count(*) AS rows FROM sampled WHERE is_below)
    SELECT count(*)::float8 AS rows, count(*) FILTER (WHERE is_in_scope)::float8 AS "inScope",
      ARRAY(
        SELECT key FROM generate_series(1, ${MAX_PARTITIONS - 1}::int) AS cut
        CROSS JOIN below
        JOIN sampled ON is_below AND place = (cut * below.rows + ${MAX_PARTITIONS - 1}::int) / ${MAX_PARTITIONS}::int
        ORDER BY cut
      ) AS cuts
    FROM sampled`;
  const estimated = (rows = 0) => Math.round((rows * 100) / percent);
  return { rows: estimated(sample?.rows), inScope: estimated(sample?.inScope), cuts: sample?.cuts ?? [] };
}
