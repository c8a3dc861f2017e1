import { type Config, targetNamed } from '../config/config.ts';
import { dataModelOf } from '../config/data-model.ts';
import { parseDatabaseUrl } from '../config/database-url.ts';
import { type RecordTables, recordTablesOf } from '../config/record-tables.ts';
import type { Target } from '../config/target.ts';
import { type Database, openDatabase } from '../database/database.ts';
import { databaseLabel, schemaOf, userOf, withSchema } from '../database/url.ts';
import { ConfigurationError } from '../errors/errors.ts';
import { loadConfigOnce } from './load-config.ts';

/** A target, and a pool of connections to the database that it is in. */
export interface OpenTarget {
  target: Target;
  database: Database;
  /** The database as it may be shown. */
  label: string;
  /** Its user. */
  user: string;
  /** The project's own throttle, if it has one. */
  throttle: (() => Promise<string | null>) | undefined;
  onEvent: Config['onEvent'];
}

/** A database and a schema in it. */
export interface Place {
  /** The environment variable with the URL. */
  variable?: string | undefined;
  schema?: string | undefined;
}

/**
 * Finds a target in the project's configuration, and the database in the environment. Sends nothing yet.
 *
 * @param name of the target; undefined: the only one
 * @param place where its table is. @default in DATABASE_URL, and in the schema that Prisma's queries use
 * @throws ConfigurationError when the configuration or the target is wrong
 */
export async function openTarget(
  name: string | undefined,
  options: Parameters<typeof openDatabase>[2],
  { variable, schema }: Place = {},
): Promise<OpenTarget> {
  const config = await loadConfigOnce();
  const url = urlOf({ variable, schema });
  const database = openDatabase(config.PrismaClient, url, options);
  const { throttle, onEvent } = config;
  const target = await targetNamed(config, name, database, schemaOf(url));
  if (schema !== undefined && target.schema !== schema) {
    throw new ConfigurationError(
      `model ${target.model} names its schema, ${target.schema} (@@schema), so --schemas cannot choose another one.`,
    );
  }
  return {
    target,
    database,
    label: databaseLabel(url),
    user: userOf(url),
    throttle: throttle && (() => throttle(database)),
    onEvent,
  };
}

function urlOf({ variable, schema }: Place): string {
  const url = parseDatabaseUrl(process.env, variable);
  return schema === undefined ? url : withSchema(url, schema);
}

/** The tables of this package, for commands that are about no target. */
export interface OpenRecords {
  /** It holds the password. */
  url: string;
  database: Database;
  tables: RecordTables;
}

/** @throws ConfigurationError when the configuration or the environment is wrong */
export async function openRecords(place: Place = {}): Promise<OpenRecords> {
  const url = urlOf(place);
  const { PrismaClient } = await loadConfigOnce();
  const database = openDatabase(PrismaClient, url, { connections: 1 });
  return { url, database, tables: recordTablesOf(dataModelOf(database), schemaOf(url)) };
}
