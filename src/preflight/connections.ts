import type { Settings } from '../config/settings.ts';
import type { Queryable } from '../database/database.ts';
import { countOf } from '../text/wording.ts';
import { ok, stop, type Verdict, warning } from './verdict.ts';

/** Name of the limit that concerns nobody else. */
export const LIMIT_OF_USER = 'the limit of this user';

/** With fewer than so many left, the application may be refused one. */
const LEFT_FOR_OTHERS = 5;

/** A limit on connections, and how many count against it, without the one that asks. */
export interface ConnectionLimit {
  name: string;
  most: number;
  used: number;
}

export async function inspectConnections(
  database: Queryable,
  { workers }: Pick<Settings, 'workers'>,
): Promise<Verdict> {
  return judgeConnections(await readConnectionLimits(database), workers);
}

/** All limits that hold for this user; superusers may also use what is reserved, and have no other limits. */
export async function readConnectionLimits(database: Queryable): Promise<ConnectionLimit[]> {
  return database.$queryRaw<ConnectionLimit[]>`
    WITH role AS (
      SELECT oid, rolsuper, rolconnlimit FROM pg_roles WHERE rolname = session_user
    ), here AS (
      SELECT oid, datconnlimit FROM pg_database WHERE datname = current_database()
    ), reserved AS (
      SELECT current_setting('superuser_reserved_connections')::int + CASE
        WHEN EXISTS (SELECT FROM pg_roles WHERE rolname = 'pg_use_reserved_connections' AND pg_has_role(oid, 'USAGE'))
        THEN 0 ELSE coalesce(current_setting('reserved_connections', true)::int, 0) END AS slots
    ), session AS (
      SELECT usesysid, datid FROM pg_stat_activity
      WHERE pid <> pg_backend_pid()
        -- A user without pg_monitor does not see what kind of process it is.
        AND (backend_type = 'client backend' OR (backend_type IS NULL AND datid IS NOT NULL))
    )
    SELECT 'max_connections' AS name,
      current_setting('max_connections')::int - CASE WHEN role.rolsuper THEN 0 ELSE reserved.slots END AS most,
      (SELECT count(*)::int FROM session) AS used
    FROM role, reserved
    UNION ALL
    SELECT ${LIMIT_OF_USER}, rolconnlimit, (SELECT count(*)::int FROM session WHERE usesysid = role.oid)
    FROM role WHERE rolconnlimit >= 0 AND NOT rolsuper
    UNION ALL
    SELECT 'the limit of this database', datconnlimit, (SELECT count(*)::int FROM session WHERE datid = here.oid)
    FROM role, here WHERE datconnlimit >= 0 AND NOT rolsuper`;
}

/** @param workers each needs a connection, and one more is needed for everything else */
export function judgeConnections(limits: readonly ConnectionLimit[], workers: number): Verdict {
  const needed = workers + 1;
  const [tightest] = limits
    .map((limit) => ({ ...limit, free: limit.most - limit.used }))
    .sort((a, b) => a.free - b.free);
  if (tightest === undefined) return ok(`${needed} connections are needed, and there is no limit.`);
  const { name, most, used, free } = tightest;
  const state = `${needed} connections are needed, and ${Math.max(0, free)} of ${most} are free (${name})`;
  const advice = `Use fewer --workers, end idle sessions, or raise ${name}.`;
  if (free < needed) return stop(`${state}.`, advice);
  if (free < needed + LEFT_FOR_OTHERS) {
    return warning(`${state}, which leaves ${countOf(free - needed, 'connection')} for all others.`, advice);
  }
  return ok(`${needed} connections are needed, and ${most - used} of ${most} are free.`);
}
