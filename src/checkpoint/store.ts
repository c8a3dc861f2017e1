import type { DataModel } from '../data-model.ts';
import type { Database } from '../database.ts';
import type { Settings } from '../settings.ts';
import { quoted, raw, type Sql } from '../sql.ts';
import type { Target } from '../target.ts';

/** The package's own tables, each with its schema: the one that Prisma's own queries use. */
export interface RecordTables {
  readonly schema: string;
  readonly rotations: Sql;
  readonly checkpoints: Sql;
  readonly condemnedTokens: Sql;
}

/** The names of the tables, in the order in which people read of them. */
export const RECORD_TABLES = ['rotations', 'rotation_checkpoints', 'condemned_tokens'] as const;

/**
 * @param databaseSchema what `?schema=` in the URL says, or `public`
 * @returns the tables in that schema, or in the one that the model RotationCheckpoint names (@@schema)
 */
export function recordTablesOf({ models }: DataModel, databaseSchema: string): RecordTables {
  const schema = models.RotationCheckpoint?.schema ?? databaseSchema;
  const [rotations, checkpoints, condemnedTokens] = RECORD_TABLES.map((name) => raw(`${quoted(schema)}.${name}`));
  if (!rotations || !checkpoints || !condemnedTokens) throw new Error('a table has no name');
  return { schema, rotations, checkpoints, condemnedTokens };
}

/** Where one rotation is recorded. */
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
