/** Keys of one column, or of several that are unique together, in statements. */

import { arrayLiteral } from '../database/array-literal.ts';
import { momentOf } from '../database/moment.ts';
import { identifier, join, type Sql, sql } from '../database/sql.ts';
import { ConfigurationError } from '../errors/errors.ts';
import type { Column, KeyPart, RotatedRow } from './target.ts';

/** The key of a target. */
export interface TargetKey {
  /** At least one, in the order of their index. */
  readonly columns: readonly Column[];
  /** As people write it: `tickets.id`, `members.(tenant_id, id)`. */
  readonly fullName: string;
  /** In a statement that calls the table `target`: a column, or a row of several. */
  readonly sql: Sql;
  /** As it is recorded: the column's text, or a JSON array of several texts. */
  readonly text: Sql;
  /** Selects its columns as `key_0`, `key_1`, … */
  readonly selected: Sql;
  /** In ORDER BY. */
  readonly ascending: Sql;
  readonly descending: Sql;
}

/** @param fullName as people write it */
export function keyOfColumns(columns: readonly Column[], fullName: string): TargetKey {
  const parts = columns.map((column) => column.sql);
  const types = columns.map(({ type }) => type);
  return {
    columns,
    fullName,
    sql: rowOf(parts),
    text: textOf(parts, types),
    selected: join(parts.map((part, index) => sql`${part} AS ${partName(index)}`)),
    ascending: join(parts),
    descending: join(parts.map((part) => sql`${part} DESC`)),
  };
}

/** A row of several is compared part by part, and by the index on them (PostgreSQL's manual, Row Constructor Comparison). */
export function rowOf(parts: readonly Sql[]): Sql {
  const [only] = parts;
  return parts.length === 1 && only !== undefined ? only : sql`(${join([...parts])})`;
}

function textOf(parts: readonly Sql[], types: readonly string[]): Sql {
  const [only] = parts;
  if (parts.length === 1 && only !== undefined) return sql`${only}::text`;
  // A time as text depends on DateStyle; in JSON it does not (RFC 3339).
  const texts = parts.map((part, index) =>
    types[index] === 'DateTime' ? sql`to_jsonb(${part}) #>> '{}'` : sql`${part}::text`,
  );
  return sql`json_build_array(${join(texts)})::text`;
}

function partName(index: number): Sql {
  return identifier(`key_${index}`);
}

/** The names that `selected` gives, as a list. */
export function partNames({ columns }: TargetKey): Sql {
  return join(columns.map((_, index) => partName(index)));
}

/** The key among what `selected` has selected under an alias. */
export function keyIn({ columns }: TargetKey, alias: string): Sql {
  return rowOf(columns.map((_, index) => sql`${identifier(alias)}.${partName(index)}`));
}

/** The same as text. */
export function keyTextIn({ columns }: TargetKey, alias: string): Sql {
  return textOf(
    columns.map((_, index) => sql`${identifier(alias)}.${partName(index)}`),
    columns.map(({ type }) => type),
  );
}

/** Selects an array of each column of the keys that `selected` has selected, as one array of their texts. */
export function arraysIn({ columns }: TargetKey): Sql {
  return sql`ARRAY[${join(columns.map((_, index) => sql`array_agg(${partName(index)})::text`))}]`;
}

/** The texts of arrays of keys, one for each column. @throws ConfigurationError when one of them is no key of this target */
export function arraysOf(key: TargetKey, keys: readonly string[]): string[] {
  const parts = keys.map((each) => partsOf(key, each));
  return key.columns.map((_, index) => arrayLiteral(parts.map((part) => part[index] ?? '')));
}

/** A key as a statement compares it with `sql`. @throws ConfigurationError when it is none of this target */
export function keyValue(key: TargetKey, text: string): Sql {
  return rowOf(partsOf(key, text).map((part) => sql`${part}`));
}

/**
 * The texts of a key's columns.
 *
 * @throws ConfigurationError when it is no key of so many columns
 */
export function partsOf({ columns, fullName }: Pick<TargetKey, 'columns' | 'fullName'>, text: string): string[] {
  if (columns.length === 1) return [text];
  const parts = parsed(text);
  const isKey =
    Array.isArray(parts) && parts.length === columns.length && parts.every((part) => typeof part === 'string');
  if (isKey) return parts;
  throw notAKey({ fullName });
}

/** The error about a recorded key that is none of its target. */
export function notAKey({ fullName }: Pick<TargetKey, 'fullName'>): ConfigurationError {
  return new ConfigurationError(
    `a bound, a cursor or a row set aside in rotation_checkpoints is not a key of ${fullName}.`,
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A key as Prisma has it: a value, or an object of several by the names of their fields. */
export function keyForPrisma(key: TargetKey, text: string): RotatedRow['key'] {
  const values = partsOf(key, text).map((part, index) => typedPart(key.columns[index]?.type, part));
  const [only = ''] = values;
  if (key.columns.length === 1) return only;
  return Object.fromEntries(key.columns.map(({ field }, index) => [field, values[index] ?? '']));
}

function typedPart(type: string | undefined, text: string): KeyPart {
  if (type === 'String') return text;
  if (type === 'DateTime') return momentOf(text);
  return type === 'BigInt' ? BigInt(text) : Number(text);
}
