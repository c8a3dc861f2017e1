import { arraysOf, notAKey, partNames } from '../config/key.ts';
import { keyArrays, type Target } from '../config/target.ts';
import type { Queryable } from '../database/database.ts';
import { join } from '../database/sql.ts';
import { faultCode } from '../errors/faults.ts';
import type { Key } from './checkpoints.ts';

/** Rank of a key among those that were asked for. */
export type KeyOrder = (key: Key) => number;

/** SQLSTATEs of a text that is no value of a type, or not of a domain. */
const NO_SUCH_VALUE = /^(22|23514)/;

/**
 * Has the database put keys into the order of the key column: only it knows how its collations sort.
 *
 * @returns the rank of each of these keys
 * @throws ConfigurationError when one of them is no key
 */
export async function keyOrder(database: Queryable, target: Target, keys: readonly Key[]): Promise<KeyOrder> {
  const { key } = target;
  const arrays = keyArrays(target, arraysOf(key, keys));
  const ranked = await database.$queryRaw<{ place: number; rank: number }[]>`
    SELECT place::int, rank() OVER (ORDER BY ${partNames(key)})::int AS rank
    FROM unnest(${join(arrays)}) WITH ORDINALITY AS asked (${partNames(key)}, place)`.catch((error: unknown) => {
    if (!NO_SUCH_VALUE.test(faultCode(error) ?? '')) throw error;
    throw notAKey(key);
  });
  const ranks = new Map(ranked.map(({ place, rank }) => [keys[place - 1], rank]));
  return (asked) => ranks.get(asked) ?? Number.NaN;
}
