import { OWN_SCHEMA } from '../../config/record-tables.ts';
import type { Database } from '../../database/database.ts';
import { ownSession } from '../../database/session.ts';
import { raw } from '../../database/sql.ts';
import { FOUNDATION, type Migration } from './record-tables-sql.ts';

/**
 * Creates the package's tables in a schema of their own, or brings those of an older version up to date: all of it, or
 * nothing.
 *
 * @param migrations all of them, in order
 * @returns what was done
 */
export async function createTables(
  database: Database,
  migrations: readonly Migration[],
): Promise<'created' | 'upgraded' | 'there'> {
  return ownSession(database).$transaction(async (transaction) => {
    const [found] = await transaction.$queryRaw<{ isThere: boolean }[]>`
      SELECT to_regclass(${`${OWN_SCHEMA}.migrations`}) IS NOT NULL AS "isThere"`;
    const before = found?.isThere
      ? await transaction.$queryRaw<{ name: string }[]>`SELECT name FROM ${raw(OWN_SCHEMA)}.migrations`
      : [];
    const missing = migrations.filter(({ name }) => !before.some((applied) => applied.name === name));
    if (missing.length === 0) return 'there';
    const statements = [...(found?.isThere ? [] : FOUNDATION), ...missing.flatMap((each) => each.statements)];
    for (const statement of statements) await transaction.$executeRaw(raw(statement));
    return before.length === 0 ? 'created' : 'upgraded';
  });
}
