import type { Target } from '../config/target.ts';
import { rowTablesOf } from './row-tables.ts';
import { type Sql, sql } from './sql.ts';

/** The values of `tgenabled` and `ev_enabled` that count in a session like this one: always, or in its replication role. */
export const ENABLED = sql`('A', CASE current_setting('session_replication_role') WHEN 'replica' THEN 'R' ELSE 'O' END)`;

/** The condition that a trigger fires for each row of the table that is updated. `tgtype` has bit 1 for each row, 16 on UPDATE. */
export function firesRowTriggers(target: Target): Sql {
  return sql`EXISTS (
    SELECT FROM pg_trigger
    WHERE tgrelid IN (SELECT oid FROM ${rowTablesOf(target)} AS tables)
      AND NOT tgisinternal AND tgtype & 17 = 17 AND tgenabled::text IN ${ENABLED}
  )`;
}
