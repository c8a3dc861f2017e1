import { ConfigurationError } from '../errors/errors.ts';
import { openRecords } from './open-target.ts';

/**
 * @param given what follows `--schemas`: names with commas in between, or a pattern of LIKE
 * @param variable with the URL of the database. @default DATABASE_URL
 * @returns names of schemas, in order
 * @throws ConfigurationError when no schema has such a name
 */
export async function schemasOf(given: string, variable?: string): Promise<string[]> {
  const { database } = await openRecords({ variable });
  try {
    const isPattern = given.includes('%');
    const names = given.split(',');
    const found = await database.$queryRaw<{ name: string }[]>`
      SELECT nspname::text AS name FROM pg_namespace
      WHERE CASE WHEN ${isPattern} THEN nspname LIKE ${given} ELSE nspname = ANY (${names}::text[]) END
        AND nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema'
      ORDER BY 1`;
    const missing = isPattern ? undefined : names.find((name) => found.every((schema) => schema.name !== name));
    if (missing !== undefined) throw new ConfigurationError(`there is no schema '${missing}'. Check --schemas.`);
    if (found.length === 0) throw new ConfigurationError(`no schema is like '${given}'. Check --schemas.`);
    return found.map(({ name }) => name);
  } finally {
    await database.$disconnect();
  }
}
