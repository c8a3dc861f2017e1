import { bucketSql, canBeCondemned, type HashedAs, hashSql } from '../checkpoint/condemned-tokens.ts';
import type { Store } from '../checkpoint/store.ts';
import { inScope, type Target } from '../config/target.ts';
import type { Queryable } from '../database/database.ts';
import { type Sql, sql } from '../database/sql.ts';
import { type BlockRange, type ScanProgress, scanBlocks, tableBlocks } from './table-scan.ts';

/** Buckets that are filled by one statement: about a million hashes. */
const BUCKETS_PER_SLICE = 2 ** 14;

/** More stretches than a table of the largest size that PostgreSQL allows (32 TB) has. */
const MOST_STRETCHES = 2 ** 20;

/** Blocks (8 kB each) of a table whose hashes one statement can sort into their buckets: as much as a slice takes. */
const MOST_BLOCKS_AT_ONCE = 2 ** 15;

/**
 * Condemns every token that is in scope now: records their hashes. Reads the table once, and sorts the hashes of a large
 * one into their buckets afterwards, a slice of the buckets at a time: so no statement takes long, whatever the size.
 *
 * @param transaction one of `inSnapshot`; when it is rolled back, nothing stays
 * @param mostBlocksAtOnce of a table that is read by one statement
 * @returns how many tokens there are; one that is on two rows counts twice
 * @throws AbortError when the signal is aborted
 */
export async function condemnTokens(
  transaction: Queryable,
  target: Target,
  { tables, rotation }: Pick<Store, 'tables' | 'rotation'>,
  hashedAs: HashedAs,
  signal: AbortSignal,
  onProgress: (progress: ScanProgress) => void,
  mostBlocksAtOnce = MOST_BLOCKS_AT_ONCE,
): Promise<number> {
  const { token, from } = target;
  const hashes: Hashes = {
    bucket: bucketSql(sql`hash`, hashedAs),
    where: (condition) => sql`
      SELECT ${hashSql(token.sql, hashedAs)} AS hash FROM ${from}
      WHERE ${condition} AND ${canBeCondemned(token, hashedAs)} AND ${inScope(target)}`,
    async store(bucket, selected) {
      signal.throwIfAborted();
      const [stored] = await transaction.$queryRaw<{ count: number }[]>`
        WITH stored AS (
          INSERT INTO ${tables.condemnedTokens} (rotation, bucket, hashes)
          SELECT ${rotation}, ${bucket}, array_agg(hash) FROM (${selected}) AS selected GROUP BY 2
          RETURNING cardinality(hashes) AS hashes
        )
        SELECT coalesce(sum(hashes), 0)::float8 AS count FROM stored`;
      return stored?.count ?? 0;
    },
  };
  const slices = Math.ceil(hashedAs.buckets / BUCKETS_PER_SLICE);
  const blocks = await tableBlocks(transaction, target);
  if (slices === 1 && blocks <= mostBlocksAtOnce) {
    const count = await hashes.store(hashes.bucket, hashes.where(sql`true`));
    onProgress({ blocksDone: blocks, blocksTotal: blocks });
    return count;
  }
  await scanBlocks([transaction], target, signal, (_, stretch) => storeStretch(hashes, stretch), onProgress);
  return sortIntoBuckets(transaction, { tables, rotation }, hashes, slices);
}

/** Statements about the hashes of the tokens that are condemned. */
interface Hashes {
  /** The bucket of `hash`. */
  readonly bucket: Sql;
  /** Selects the hashes of the rows that fulfil a condition. */
  where(condition: Sql): Sql;
  /** Stores hashes under a bucket each. @returns how many */
  store(bucket: Sql, hashes: Sql): Promise<number>;
}

/** Stores the hashes of one stretch of the table, a row for each slice, under numbers below zero. */
async function storeStretch({ bucket, where, store }: Hashes, { index, condition }: BlockRange): Promise<void> {
  const slice = sql`${bucket} / ${BUCKETS_PER_SLICE}::int`;
  await store(sql`-1 - (${slice} * ${MOST_STRETCHES}::int + ${index}::int)`, where(condition));
}

/** Sorts the hashes of all stretches into their buckets, slice by slice. @returns how many there are */
async function sortIntoBuckets(
  transaction: Queryable,
  { tables, rotation }: Pick<Store, 'tables' | 'rotation'>,
  { bucket, store }: Hashes,
  slices: number,
): Promise<number> {
  const { condemnedTokens } = tables;
  let count = 0;
  for (let slice = 0; slice < slices; slice += 1) {
    const [from, to] = [-(slice + 1) * MOST_STRETCHES, -slice * MOST_STRETCHES];
    count += await store(
      bucket,
      sql`
        SELECT unnest(hashes) AS hash FROM ${condemnedTokens}
        WHERE rotation = ${rotation} AND bucket >= ${from} AND bucket < ${to}`,
    );
  }
  await transaction.$executeRaw`DELETE FROM ${condemnedTokens} WHERE rotation = ${rotation} AND bucket < 0`;
  return count;
}

/** Removes the hashes of a rotation's condemned tokens. */
export async function forgetCondemnedTokens({ database, tables, rotation }: Store): Promise<void> {
  await database.$executeRaw`DELETE FROM ${tables.condemnedTokens} WHERE rotation = ${rotation}`;
}
