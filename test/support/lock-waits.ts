import type { Queryable } from '../../src/database/database.ts';

/** Number of sessions of this database that wait for a lock. Other tests have databases on the same server. */
export async function waitingForLocks(database: Queryable): Promise<number> {
  const [waiting] = await database.$queryRaw<{ sessions: number }[]>`
    SELECT count(*)::int AS sessions FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'`;
  return waiting?.sessions ?? 0;
}
