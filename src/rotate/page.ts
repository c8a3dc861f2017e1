import type { Checkpoint, Key } from '../checkpoint/checkpoints.ts';
import { keyForPrisma, keyValue } from '../config/key.ts';
import type { Target } from '../config/target.ts';
import type { Queryable } from '../database/database.ts';
import { queriesOf } from '../database/models.ts';
import { type Sql, sql } from '../database/sql.ts';

/** A range of keys. */
export interface KeyRange {
  /** Exclusive; null: from the first key. */
  after: Key | null;
  /** Inclusive. */
  upTo: Key;
}

/** The range that the cursor of a partition has not reached yet. */
export function unswept({
  cursor,
  lowerBound,
  upperBound,
}: Pick<Checkpoint, 'cursor' | 'lowerBound' | 'upperBound'>): KeyRange {
  return { after: cursor ?? lowerBound, upTo: upperBound };
}

/**
 * Keyset pagination by Prisma's own query, or by a comparison of rows where the key has several columns. Not by its `cursor`, which finds nothing once the row at the cursor is deleted.
 *
 * @param place 1 for the first key of the range
 * @returns the key at that place; null if the range has fewer rows
 */
export async function keyAt(
  transaction: Queryable,
  target: Target,
  { after, upTo }: KeyRange,
  place: number,
): Promise<Key | null> {
  const { columns, text, ascending } = target.key;
  const [only, ...others] = columns;
  if (only === undefined || others.length > 0) {
    // Prisma compares no rows; what it can say instead reads all keys with the same first part for every page.
    const [found] = await transaction.$queryRaw<{ key: Key }[]>`
      SELECT ${text} AS key FROM ${target.from} WHERE ${within(target, { after, upTo }, target.key.sql)}
      ORDER BY ${ascending} OFFSET ${place - 1} LIMIT 1`;
    return found?.key ?? null;
  }
  const { field } = only;
  const [row] = await queriesOf(transaction, target.model).findMany({
    where: {
      [field]: { ...(after !== null && { gt: keyForPrisma(target.key, after) }), lte: keyForPrisma(target.key, upTo) },
    },
    orderBy: { [field]: 'asc' },
    skip: place - 1,
    take: 1,
    select: { [field]: true },
  });
  return row === undefined ? null : String(row[field]);
}

/** The condition that a key is in the range. Both bounds keep the planner from scanning the whole table. */
export function within({ key: ofTarget }: Target, { after, upTo }: KeyRange, key: Sql): Sql {
  const upper = sql`${key} <= ${keyValue(ofTarget, upTo)}`;
  return after === null ? upper : sql`${key} > ${keyValue(ofTarget, after)} AND ${upper}`;
}
