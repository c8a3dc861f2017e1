import type { Queryable } from '../database/database.ts';
import { formatSeconds } from '../text/format.ts';
import { listed } from '../text/wording.ts';
import { ok, type Verdict, warning } from './verdict.ts';

/** From here on a transaction is long, in seconds. */
export const LONG_SECONDS = 300;

/** A transaction that keeps vacuum from removing what has become dead since. */
export interface LongTransaction {
  /** The server process; null for a prepared transaction. */
  pid: number | null;
  /** Name of the prepared transaction, quoted. */
  prepared: string | null;
  ageSeconds: number;
}

/** Those that are long, and how many there are whose age this user may not see. */
export interface LongTransactions {
  seen: LongTransaction[];
  hidden: number;
}

export async function inspectLongTransactions(database: Queryable): Promise<Verdict> {
  return judgeLongTransactions(await readLongTransactions(database, LONG_SECONDS));
}

/** @param seconds minimum age of a transaction */
export async function readLongTransactions(database: Queryable, seconds: number): Promise<LongTransactions> {
  const seen = await database.$queryRaw<LongTransaction[]>`
    SELECT pid, NULL AS prepared, extract(epoch FROM clock_timestamp() - xact_start)::float8 AS "ageSeconds"
    FROM pg_stat_activity AS session
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
      AND (backend_xid IS NOT NULL OR backend_xmin IS NOT NULL)
      AND xact_start < clock_timestamp() - ${seconds}::float8 * interval '1 second'
      -- A vacuum takes long and keeps no other from anything.
      AND NOT EXISTS (SELECT FROM pg_stat_progress_vacuum AS vacuum WHERE vacuum.pid = session.pid)
    UNION ALL
    SELECT NULL, quote_literal(gid), extract(epoch FROM clock_timestamp() - prepared)::float8
    FROM pg_prepared_xacts
    WHERE database = current_database() AND prepared < clock_timestamp() - ${seconds}::float8 * interval '1 second'
    ORDER BY "ageSeconds" DESC`;
  const [other] = await database.$queryRaw<{ hidden: number }[]>`
    SELECT count(*)::int AS hidden FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type IS NULL AND (backend_xid IS NOT NULL OR backend_xmin IS NOT NULL)`;
  return { seen, hidden: other?.hidden ?? 0 };
}

export function judgeLongTransactions({ seen, hidden }: LongTransactions): Verdict {
  const long = `older than ${formatSeconds(LONG_SECONDS)}`;
  const [first] = seen;
  if (first !== undefined) {
    return warning(
      `vacuum cannot clean up behind transactions that are ${long}: ${listed(seen.map(describe))}.`,
      'Each rotated row leaves a dead version, which stays until these transactions end: ' +
        `the table may double in size. End them first, for example with ${howToEnd(first)}.`,
    );
  }
  if (hidden > 0) return ok(`no transaction of this user is ${long}; those of others are hidden without pg_monitor.`);
  return ok(`no transaction is ${long}.`);
}

function describe({ pid, prepared, ageSeconds }: LongTransaction): string {
  return `${pid === null ? `prepared ${prepared}` : `process ${pid}`} (${formatSeconds(ageSeconds)})`;
}

function howToEnd({ pid, prepared }: LongTransaction): string {
  return pid === null ? `ROLLBACK PREPARED ${prepared}` : `SELECT pg_terminate_backend(${pid})`;
}
