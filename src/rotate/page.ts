import type { Checkpoint, Key } from '../checkpoint/checkpoints.ts';
import type { Target } from '../config/target.ts';
import { empty, type Sql, sql } from '../database/sql.ts';

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
 * Keyset pagination: selects the next keys of a range in order as `key`, and whether each row is in scope as `in_scope`.
 *
 * @param more columns, each with a comma before it
 */
export function nextKeys({ from, key, scope }: Target, range: KeyRange, size: number, more = empty): Sql {
  return sql`
    SELECT ${key.sql} AS key, ${inScope(scope)} AS in_scope${more}
    FROM ${from} WHERE ${within(range, key.sql)} ORDER BY ${key.sql} LIMIT ${size}`;
}

export function inScope(scope: Sql | null): Sql {
  return scope === null ? sql`true` : sql`(${scope}) IS TRUE`;
}

/** The condition that a key is in the range. Both bounds keep the planner from scanning the whole table. */
export function within({ after, upTo }: KeyRange, key: Sql): Sql {
  const upper = sql`${key} <= ${upTo}`;
  return after === null ? upper : sql`${key} > ${after} AND ${upper}`;
}
