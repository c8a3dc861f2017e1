import { bucketSql, canBeCondemned, type HashedAs, hashSql } from '../checkpoint/condemned-tokens.ts';
import type { Store } from '../checkpoint/store.ts';
import { inScope, type Target } from '../config/target.ts';
import type { Queryable } from '../database/database.ts';
import { type Sql, sql } from '../database/sql.ts';
import { type ScanProgress, scanBlocks } from './table-scan.ts';

/** Buckets that are filled by one statement: about a million hashes. */
const BUCKETS_PER_SLICE = 2 ** 14;

/** More stretches than a table of the largest size that PostgreSQL allows (32 TB) has. */
const MOST_RANGES = 2 ** 20;

/**
 * Condemns every token that is in scope now: records their hashes. Reads the table once, and sorts the hashes into
 * their buckets afterwards, a slice of the buckets at a time: so no statement takes long, whatever the size.
 *
 * @param transaction one of `inSnapshot`; when it is rolled back, nothing stays
 * @returns how many tokens there are; one that is on two rows counts twice
 * @throws AbortError when the signal is aborted
 */
export async function condemnTokens(
  transaction: Queryable,
  target: Target,
  { tables, rotation }: Store,
  hashedAs: HashedAs,
  signal: AbortSignal,
  onProgress: (progress: ScanProgress) => void,
): Promise<number> {
  const slices = Math.max(1, hashedAs.buckets / BUCKETS_PER_SLICE);
  const hash = sql`hash`;
  const slice = sql`${bucketSql(hash, hashedAs)} / ${BUCKETS_PER_SLICE}::int`;
  let count = 0;
  const readRange = async (index: number, condition: Sql) => {
    const [read] = await transaction.$queryRaw<{ count: number }[]>`
      WITH stored AS (
        INSERT INTO ${tables.condemnedTokens} (rotation, bucket, hashes)
        SELECT ${rotation}, -1 - (${slice} * ${MOST_RANGES}::int + ${index}::int), array_agg(hash)
        FROM (
          SELECT ${hashSql(target.token.sql, hashedAs)} AS hash FROM ${target.from}
          WHERE ${condition} AND ${canBeCondemned(target.token, hashedAs)} AND ${inScope(target)}
        ) AS hashed
        GROUP BY 2
        RETURNING cardinality(hashes) AS hashes
      )
      SELECT coalesce(sum(hashes), 0)::float8 AS count FROM stored`;
    count += read?.count ?? 0;
  };
  await scanBlocks([transaction], target, signal, (_, { index, condition }) => readRange(index, condition), onProgress);
  for (let index = 0; index < slices; index += 1) {
    signal.throwIfAborted();
    await transaction.$executeRaw`
      INSERT INTO ${tables.condemnedTokens} (rotation, bucket, hashes)
      SELECT ${rotation}, ${bucketSql(hash, hashedAs)}, array_agg(hash)
      FROM (
        SELECT unnest(hashes) AS hash FROM ${tables.condemnedTokens}
        WHERE rotation = ${rotation} AND bucket >= ${-(index + 1) * MOST_RANGES} AND bucket < ${-index * MOST_RANGES}
      ) AS sliced
      GROUP BY 2`;
  }
  await transaction.$executeRaw`
    DELETE FROM ${tables.condemnedTokens} WHERE rotation = ${rotation} AND bucket < 0`;
  return count;
}

/** Removes the hashes of a rotation's condemned tokens. */
export async function forgetCondemnedTokens({ database, tables, rotation }: Store): Promise<void> {
  await database.$executeRaw`DELETE FROM ${tables.condemnedTokens} WHERE rotation = ${rotation}`;
}
