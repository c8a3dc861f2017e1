import { targetNamed } from '../config/config.ts';
import { parseDatabaseUrl } from '../config/settings.ts';
import type { Target } from '../config/target.ts';
import { type Database, databaseLabel, openDatabase, schemaOf } from '../database/database.ts';
import { loadConfig } from './load-config.ts';

/** A target, and a pool of connections to the database that it is in. */
export interface OpenTarget {
  target: Target;
  database: Database;
  /** The database as it may be shown. */
  label: string;
}

/**
 * Finds a target in the project's configuration, and the database in the environment. Sends nothing yet.
 *
 * @param name of the target; undefined: the only one
 * @throws ConfigurationError when the configuration or the target is wrong
 */
export async function openTarget(
  name: string | undefined,
  options: Parameters<typeof openDatabase>[2],
): Promise<OpenTarget> {
  const config = await loadConfig();
  const url = parseDatabaseUrl(process.env);
  const database = openDatabase(config.PrismaClient, url, options);
  return { target: await targetNamed(config, name, database, schemaOf(url)), database, label: databaseLabel(url) };
}
