import type { Checkpoint, Key } from '../checkpoint/checkpoints.ts';
import { keyOf, type Target } from '../config/target.ts';
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
 * Keyset pagination by Prisma's own query. Not by its `cursor`, which finds nothing once the row at the cursor is deleted.
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
  const { field } = target.key;
  const [row] = await queriesOf(transaction, target.model).findMany({
    where: { [field]: { ...(after !== null && { gt: keyOf(target, after) }), lte: keyOf(target, upTo) } },
    orderBy: { [field]: 'asc' },
    skip: place - 1,
    take: 1,
    select: { [field]: true },
  });
  return row === undefined ? null : String(row[field]);
}

/** The condition that a key is in the range. Both bounds keep the planner from scanning the whole table. */
export function within({ after, upTo }: KeyRange, key: Sql): Sql {
  const upper = sql`${key} <= ${upTo}`;
  return after === null ? upper : sql`${key} > ${after} AND ${upper}`;
}
