import type { PlannedPartition } from './checkpoint.ts';
import type { Database } from './database.ts';
import { TARGET } from './target.ts';

/** Tables up to this many rows are counted; counting more would delay the first batch, so there an estimate has to do. */
export const MAX_ROWS_COUNTED = 2_000_000;

/** Small enough that workers end at about the same time, large enough that claiming one costs nothing in comparison. */
const ROWS_PER_PARTITION = 20_000;
const MAX_PARTITIONS = 256;

/** Blocks of the table (8 kB each) that are read to see how its keys are spread. */
const BLOCKS_SAMPLED = 1_000;

/**
 * Plans a new rotation: everything up to the highest key there is now (the watermark), cut into partitions of about as
 * many rows each. Rows that come later have fresh tokens and stay out of it.
 *
 * Takes about as long for a huge table as for a small one: rows are counted only up to a limit, and the cuts come from
 * a sample of the table's blocks, which also follows gaps and skew that lowest and highest key don't show.
 *
 * @param maxRowsCounted above this many rows the total is an estimate
 * @returns the partitions in key order; none when the table is empty
 */
export async function planPartitions(
  database: Database,
  rotation: string,
  maxRowsCounted = MAX_ROWS_COUNTED,
): Promise<PlannedPartition[]> {
  const watermark = await highestKey(database);
  if (watermark === null) return [];
  const counted = await countRows(database, maxRowsCounted + 1);
  const sample = await sampleKeys(database);
  const totalIsEstimate = counted > maxRowsCounted;
  const rows = totalIsEstimate && sample.rows > counted ? sample.rows : counted;
  const ranges = cutRange(everyNth(sample.cuts, partitionsFor(rows)), watermark);
  return ranges.map((range, partition) => ({
    rotation,
    partition,
    target: TARGET,
    ...range,
    watermark,
    rowsTotal: shareOf(rows, partition, ranges.length),
    totalIsEstimate,
  }));
}

/**
 * Cuts everything up to the watermark into contiguous ranges: each begins where the one before ends, the first one
 * reaches down to the lowest key there may be, the last one ends at the watermark.
 *
 * @param cuts upper bounds in any order; repeated ones, and those that are not below the watermark, are left out
 */
export function cutRange(cuts: readonly bigint[], watermark: bigint) {
  const below = new Set(cuts.filter((cut) => cut < watermark));
  const upperBounds = [...below, watermark].sort((a, b) => (a < b ? -1 : 1));
  return upperBounds.map((upperBound, index) => ({ lowerBound: upperBounds[index - 1] ?? null, upperBound }));
}

/** How many partitions so many rows are worth. */
function partitionsFor(rows: bigint): number {
  return Math.min(MAX_PARTITIONS, Math.max(1, Math.ceil(Number(rows) / ROWS_PER_PARTITION)));
}

/** Of the many fine cuts, those that make so many parts. */
function everyNth(cuts: readonly bigint[], parts: number): bigint[] {
  return cuts.filter(
    (_, index) => Math.floor(((index + 1) * parts) / MAX_PARTITIONS) > Math.floor((index * parts) / MAX_PARTITIONS),
  );
}

/** Splits a total into whole shares that add up to it again. */
function shareOf(total: bigint, index: number, parts: number): bigint {
  const [share, rest] = [total / BigInt(parts), total % BigInt(parts)];
  return BigInt(index) < rest ? share + 1n : share;
}

/** By the index; Prisma's own `aggregate` puts a subquery in between, which reads the whole table. */
async function highestKey(database: Database): Promise<bigint | null> {
  const [highest] = await database.$queryRaw<{ id: bigint | null }[]>`SELECT max(id) AS id FROM tickets`;
  return highest?.id ?? null;
}

/** Counts no further than `limit`. */
async function countRows(database: Database, limit: number): Promise<bigint> {
  const [counted] = await database.$queryRaw<{ rows: bigint }[]>`
    SELECT count(*) AS rows FROM (SELECT FROM tickets LIMIT ${limit}) AS first_rows`;
  return counted?.rows ?? 0n;
}

/** Keys that have about as many rows between each two of them, and about how many rows there are. */
async function sampleKeys(database: Database): Promise<{ cuts: bigint[]; rows: bigint }> {
  const shares = Array.from({ length: MAX_PARTITIONS - 1 }, (_, index) => (index + 1) / MAX_PARTITIONS);
  const [size] = await database.$queryRaw<{ blocks: bigint }[]>`
    SELECT greatest(1, pg_relation_size('tickets') / current_setting('block_size')::int) AS blocks`;
  const percent = Math.min(100, (100 * BLOCKS_SAMPLED) / Number(size?.blocks ?? 1n));
  const [sample] = await database.$queryRaw<{ cuts: bigint[] | null; rows: bigint }[]>`
    SELECT percentile_disc(${`{${shares}}`}::float8[]) WITHIN GROUP (ORDER BY id) AS cuts, count(*) AS rows
    FROM tickets TABLESAMPLE SYSTEM (${percent})`;
  return { cuts: sample?.cuts ?? [], rows: BigInt(Math.round((Number(sample?.rows ?? 0n) * 100) / percent)) };
}
