/** The page of an update: its keys, with the token and the values that each of them gets. */

import type { Key } from '../checkpoint/checkpoints.ts';
import { arraysOf, partNames } from '../config/key.ts';
import { arrayOf, keyArrays, type Target } from '../config/target.ts';
import { UUID_BYTES } from '../config/token-kinds.ts';
import type { PackedTokens, Tokens } from '../config/tokens.ts';
import { arrayLiteral } from '../database/array-literal.ts';
import { empty, identifier, join, type Sql, sql } from '../database/sql.ts';
import type { KeyRange } from './page.ts';
import { type ColumnValues, valuesToSet } from './set-values.ts';

/** Tokens, and values of other columns, for certain keys. */
export interface Given {
  keys: readonly Key[];
  stored: readonly string[];
  others: readonly ColumnValues[];
}

/** As many of the keys get something as there are tokens; the others are left for the next page. */
export function givenTo(target: Target, locked: readonly Key[], tokens: Tokens): Given {
  if (tokens === 'database' || 'pack' in tokens) throw new Error('a target with a set needs tokens that can be read');
  const keys = locked.slice(0, tokens.stored.length);
  return { keys, stored: tokens.stored.slice(0, keys.length), others: valuesToSet(target, keys, tokens) };
}

export function assignments(given: Given | null): Sql {
  if (given === null || given.others.length === 0) return empty;
  return join(
    given.others.map(({ column }, index) => sql`, ${identifier(column.name)} = page.${valueName(index)}`),
    '',
  );
}

function valueName(index: number): Sql {
  return identifier(`value_${index}`);
}

/** Gives each key the token of its place. Keys beyond the last token are left out. No key travels to the client and back. */
export function pageByPlace(target: Target, where: Sql, tokens: Tokens): Sql {
  const { from, key } = target;
  // A token that PostgreSQL makes is only known to differ from the old one.
  const old = tokens === 'database' ? selectOld(target) : oldToken(target);
  const numbered = sql`
    SELECT ${key.selected}${old}, row_number() OVER (ORDER BY ${key.ascending}) AS place FROM ${from} WHERE ${where}`;
  if (tokens === 'database') return numbered;
  if ('pack' in tokens) {
    const token = uuidAt(sql`place`, tokens, tokens.rows);
    return sql`SELECT *, ${token} AS token FROM (${numbered}) AS numbered WHERE place <= ${tokens.rows}`;
  }
  return sql`
    SELECT * FROM (${numbered}) AS numbered
    JOIN unnest(${arrayLiteral(tokens.stored)}::${typeOf(target)}[]) WITH ORDINALITY AS given (token, place)
      USING (place)`;
}

/** Places per row up to which making a token for each place is cheaper than numbering the rows. */
const MOST_PLACES_PER_ROW = 2;

/**
 * The token of a row by itself, where it needs no number: one that PostgreSQL makes, or that of its place in the range of
 * whole numbers that its key lies in, if that has few gaps. Cheaper than `pageByPlace`: 5.4 to 6.0 s a million rows instead
 * of 6.7 s (two connections, two cores).
 *
 * @param rows keys of the page
 * @returns null if there is none
 */
export function tokenByKey({ key }: Target, { after, upTo }: KeyRange, rows: number, tokens: Tokens): Sql | null {
  if (tokens === 'database') return sql`gen_random_uuid()`;
  const isWhole = key.columns.length === 1 && key.columns.every(({ type }) => type === 'Int' || type === 'BigInt');
  if (!('pack' in tokens) || !isWhole || after === null) return null;
  const places = BigInt(upTo) - BigInt(after);
  if (places > MOST_PLACES_PER_ROW * rows) return null;
  return uuidAt(sql`(${key.sql} - ${after}::bigint)`, tokens, Number(places));
}

/** @param place from 1 to `places` */
function uuidAt(place: Sql, tokens: PackedTokens, places: number): Sql {
  const packed = tokens.pack(places);
  assertEnough(packed.length / UUID_BYTES, places);
  const bytes = sql`substring(${packed}::bytea FROM ${UUID_BYTES}::int * (${place}::int - 1) + 1 FOR ${UUID_BYTES}::int)`;
  return sql`encode(${bytes}, 'hex')::uuid`;
}

/** Gives each key its own token and values: a row that has left the scope must not pass them on to the next one. */
export function pageByKey(target: Target, where: Sql, { keys, stored, others }: Given): Sql {
  const { from, key } = target;
  const arrays = [
    ...keyArrays(target, arraysOf(key, keys)),
    sql`${arrayLiteral(stored)}::${typeOf(target)}[]`,
    ...others.map(({ column, values }) => arrayOf(target, column, values)),
  ];
  const names = [partNames(key), sql`token`, ...others.map((_, index) => valueName(index)), sql`place`];
  return sql`
    SELECT * FROM (SELECT ${key.selected}${oldToken(target)} FROM ${from} WHERE ${where}) AS found
    JOIN unnest(${join(arrays)}) WITH ORDINALITY AS given (${join(names)}) USING (${partNames(key)})`;
}

/** Selects the old token, if it is to be handed over. */
function oldToken(target: Target): Sql {
  return target.withOldTokens ? selectOld(target) : empty;
}

function selectOld({ token }: Target): Sql {
  return sql`, ${token.sql} AS old`;
}

/** @throws Error when there are fewer tokens than rows: their page would look like the last one */
export function assertEnoughFor(rows: number, tokens: Tokens): void {
  if (tokens !== 'database') assertEnough('pack' in tokens ? tokens.rows : tokens.stored.length, rows);
}

function assertEnough(tokens: number, rows: number): void {
  if (tokens < rows) throw new Error(`${rows} rows need as many tokens`);
}

/** The type of the tokens' array. The column's own type may be another. */
function typeOf({ kind }: Target): Sql {
  return kind.type === 'uuid' ? sql`uuid` : sql`text`;
}
