/** The values that a target's `set` makes for other columns. */

import type { Key } from '../checkpoint/checkpoints.ts';
import { keyForPrisma } from '../config/key.ts';
import { type Column, type Target, writtenColumns } from '../config/target.ts';
import { hyphenated } from '../config/token-kinds.ts';
import type { FreshTokens } from '../config/tokens.ts';
import { arrayLiteral } from '../database/array-literal.ts';
import { momentText } from '../database/moment.ts';
import { ConfigurationError } from '../errors/errors.ts';

/** A column, and its value for each row of a page: texts that PostgreSQL reads as the column's type. */
export interface ColumnValues {
  column: Column;
  /** As an array's text. */
  values: string;
}

/**
 * Calls the target's `set` for each row.
 *
 * @param keys as many as there are tokens, at most
 * @throws ConfigurationError when it does not return the same fields for each row, or a value that cannot be written
 */
export function valuesToSet(target: Target, keys: readonly Key[], { fresh }: FreshTokens): ColumnValues[] {
  const { set, kind } = target;
  if (set === null) return [];
  const isPlainUuid = kind.type === 'uuid'; // made without hyphens
  const rows = keys.map((key, index) => {
    const token = fresh[index] ?? '';
    return set({ key: keyForPrisma(target.key, key), token: isPlainUuid ? hyphenated(token) : token });
  });
  const fields = Object.keys(rows[0] ?? {});
  for (const row of rows) {
    if (Object.keys(row).length !== fields.length || !fields.every((field) => Object.hasOwn(row, field))) {
      throw new ConfigurationError('set must return the same fields for each row.');
    }
  }
  return fields.map((field) => {
    const column = settable(target, field);
    return { column, values: arrayLiteral(rows.map((row) => textOf(row[field], column))) };
  });
}

function settable(target: Target, field: string): Column {
  const column = target.columns.get(field);
  if (column === undefined) throw new ConfigurationError(`set: the model has no field ${field} with a column.`);
  if ([...target.key.columns, ...writtenColumns(target)].some(({ name }) => name === column.name)) {
    throw new ConfigurationError(`set: ${field} is the target's key or token, or is written by touch or grace.`);
  }
  return column;
}

/** A value as PostgreSQL reads it; null for NULL. Its text must not be in the error: it may be part of a token. */
function textOf(value: unknown, { field, type, enumValues }: Column): string | null {
  if (value === null) return null;
  if (enumValues !== null) return enumText(value, field, enumValues);
  if (type === 'Json' && value !== undefined) return JSON.stringify(value);
  if (value instanceof Date) return momentText(value);
  if (value instanceof Uint8Array) return `\\x${Buffer.from(value).toString('hex')}`;
  if (['string', 'number', 'bigint', 'boolean'].includes(typeof value)) return String(value);
  if (type === 'Decimal' && typeof value === 'object') return String(value);
  throw new ConfigurationError(`set: the value of ${field} is ${typeof value}, which cannot be written.`);
}

function enumText(value: unknown, field: string, values: NonNullable<Column['enumValues']>): string {
  const stored = typeof value === 'string' ? values.get(value) : undefined;
  if (stored !== undefined) return stored;
  throw new ConfigurationError(`set: the value of ${field} is none of ${[...values.keys()].join(', ')}.`);
}
