import { quoted, raw, type Sql } from '../database/sql.ts';
import type { DataModel } from './data-model.ts';

/** The package's own tables, each with its schema: the one that Prisma's own queries use. */
export interface RecordTables {
  readonly schema: string;
  readonly rotations: Sql;
  readonly checkpoints: Sql;
  readonly condemnedTokens: Sql;
  readonly runs: Sql;
  readonly orders: Sql;
  readonly checks: Sql;
}

/** Schema of the tables that `init` creates, for projects whose Prisma schema lacks the models of this package. */
export const OWN_SCHEMA = 'rotate_tokens';

/** The names of the tables, in the order in which people read of them. */
export const RECORD_TABLES = [
  'rotations',
  'rotation_checkpoints',
  'condemned_tokens',
  'rotation_runs',
  'rotation_orders',
  'rotation_checks',
] as const;

/**
 * @param databaseSchema what `?schema=` in the URL says, or `public`
 * @returns the tables in that schema, or in the one that the model RotationCheckpoint names (@@schema); without such a
 *   model, in a schema of their own
 */
export function recordTablesOf({ models }: DataModel, databaseSchema: string): RecordTables {
  const model = models.RotationCheckpoint;
  const schema = model === undefined ? OWN_SCHEMA : (model.schema ?? databaseSchema);
  const named = (name: (typeof RECORD_TABLES)[number]) => raw(`${quoted(schema)}.${name}`);
  return {
    schema,
    rotations: named('rotations'),
    checkpoints: named('rotation_checkpoints'),
    condemnedTokens: named('condemned_tokens'),
    runs: named('rotation_runs'),
    orders: named('rotation_orders'),
    checks: named('rotation_checks'),
  };
}
