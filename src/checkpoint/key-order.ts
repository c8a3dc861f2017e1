import { partNames, partsOf } from '../config/key.ts';
import type { Target } from '../config/target.ts';
import { arrayLiteral } from '../database/array-literal.ts';
import type { Queryable } from '../database/database.ts';
import { join, sql } from '../database/sql.ts';
import { ConfigurationError } from '../errors/errors.ts';
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
export async function keyOrder(database: Queryable, { from, key }: Target, keys: readonly Key[]): Promise<KeyOrder> {
  const parts = keys.map((each) => partsOf(key, each));
  // An array of the column, empty as it is, gives the parameter its type and its collation.
  const arrays = key.columns.map(
    (column, index) =>
      sql`(ARRAY(SELECT ${column.sql} FROM ${from} LIMIT 0) || ${arrayLiteral(parts.map((part) => part[index] ?? ''))})`,
  );
  const ranked = await database.$queryRaw<{ place: number; rank: number }[]>`
    SELECT place::int, rank() OVER (ORDER BY ${partNames(key)})::int AS rank
    FROM unnest(${join(arrays)}) WITH ORDINALITY AS asked (${partNames(key)}, place)`.catch((error: unknown) => {
    if (!NO_SUCH_VALUE.test(faultCode(error) ?? '')) throw error;
    throw new ConfigurationError(
      `a bound, a cursor or a row set aside in rotation_checkpoints is not a key of ${key.fullName}.`,
    );
  });
  const ranks = new Map(ranked.map(({ place, rank }) => [keys[place - 1], rank]));
  return (asked) => ranks.get(asked) ?? Number.NaN;
}
