import type { Target } from '../config/target.ts';
import type { Queryable } from '../database/database.ts';
import { join, type Sql } from '../database/sql.ts';
import { ok, stop, type Verdict, warning } from './verdict.ts';

/** A collation whose order has changed since the indexes that use it were built, as far as PostgreSQL knows. */
export interface ChangedCollation {
  /** The column that is sorted by it, as it is in the database. */
  column: string;
  /** Quoted where that is needed; null: it is the database's own. */
  name: string | null;
  recordedVersion: string;
  actualVersion: string;
}

export async function inspectCollation(database: Queryable, target: Target): Promise<Verdict> {
  const changed = await readChanged(database, target);
  return judgeCollation(target, [...changed, ...(await readChangedDefault(database, target))]);
}

async function readChanged(database: Queryable, { relation, key, token }: Target): Promise<ChangedCollation[]> {
  return database.$queryRaw<ChangedCollation[]>`
    SELECT attname::text AS column, pg_collation.oid::regcollation::text AS name,
      collversion AS "recordedVersion", pg_collation_actual_version(pg_collation.oid) AS "actualVersion"
    FROM pg_attribute JOIN pg_collation ON pg_collation.oid = attcollation
    WHERE attrelid = to_regclass(${relation}) AND attname IN (${namesOf({ key, token })})
      AND collversion <> pg_collation_actual_version(pg_collation.oid)
    ORDER BY attname = ${token.name}`;
}

function namesOf({ key, token }: Pick<Target, 'key' | 'token'>): Sql {
  return join([...key.columns, token].map(({ name }) => name));
}

/** PostgreSQL 15 and later know it of the database's own collation. */
async function readChangedDefault(database: Queryable, { relation, key, token }: Target): Promise<ChangedCollation[]> {
  const [server] = await database.$queryRaw<{ isKnown: boolean }[]>`
    SELECT current_setting('server_version_num')::int >= 150000 AS "isKnown"`;
  if (!server?.isKnown) return [];
  return database.$queryRaw<ChangedCollation[]>`
    SELECT attname::text AS column, NULL AS name,
      datcollversion AS "recordedVersion", pg_database_collation_actual_version(pg_database.oid) AS "actualVersion"
    FROM pg_attribute JOIN pg_database ON datname = current_database()
    WHERE attrelid = to_regclass(${relation}) AND attname IN (${namesOf({ key, token })})
      AND attcollation = '"default"'::regcollation
      AND datcollversion <> pg_database_collation_actual_version(pg_database.oid)
    ORDER BY attname = ${token.name}`;
}

/** An index that was built in another order finds only part of what is there. */
export function judgeCollation({ tableName, key, token }: Target, changed: readonly ChangedCollation[]): Verdict {
  const [first] = changed;
  if (first === undefined) return ok('keys and tokens sort as their indexes do.');
  const refresh =
    first.name === null
      ? 'ALTER DATABASE … REFRESH COLLATION VERSION'
      : `ALTER COLLATION ${first.name} REFRESH VERSION`;
  const advice = `Run REINDEX TABLE CONCURRENTLY ${tableName}, then ${refresh}.`;
  const which = first.name === null ? "the database's collation" : `collation ${first.name}`;
  const facts = `${which} has version ${first.actualVersion}, and had ${first.recordedVersion} when indexes were built`;
  return key.columns.some(({ name }) => name === first.column)
    ? stop(`${facts}: the index on ${key.fullName} may have another order, and rows could be skipped.`, advice)
    : warning(`${facts}: the index on ${token.fullName} may not find every token.`, advice);
}
