import type { RecordTables } from '../config/record-tables.ts';
import type { Settings } from '../config/settings.ts';
import type { Target } from '../config/target.ts';
import type { Database } from '../database/database.ts';
import { quoted, raw, type Sql } from '../database/sql.ts';

/** The tables and the name under which one rotation is recorded. */
export interface Store {
  readonly database: Database;
  readonly tables: RecordTables;
  /** The rotation's name. */
  readonly rotation: string;
}

/** The store of the rotation that a context is about. */
export function storeOf({ database, target, settings }: StoreContext): Store {
  return { database, tables: target.records, rotation: settings.name };
}

interface StoreContext {
  database: Database;
  target: Pick<Target, 'records'>;
  settings: Pick<Settings, 'name'>;
}

/** By the convention that the schema follows, `rowsTotal` is `rows_total`. */
export const columnOf = (field: string) => field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/**
 * Selects fields under their own names.
 *
 * @param fields those that hold a time end in `At`, `Until` or `Since`: they are read as milliseconds since 1970, which
 * no setting of the session (TimeZone, DateStyle) can change
 */
export function selectFields(fields: readonly string[]): Sql {
  const columns = fields.map((field) => {
    const column = quoted(columnOf(field));
    return `${isTime(field) ? `(extract(epoch FROM ${column}) * 1000)::float8` : column} AS ${quoted(field)}`;
  });
  return raw(columns.join(', '));
}

const isTime = (field: string) => /(At|Until|Since)$/.test(field);
