import type { Queryable } from '../database/database.ts';
import { ok, stop, type Verdict, warning } from './verdict.ts';

/** The first that reads a range of a table's blocks by TID, and that says since when a session waits for a lock. */
const OLDEST_MAJOR = 14;

/** The last that the tests run on; `npm run compat` runs them on those in between. */
const NEWEST_MAJOR = 18;

export async function inspectVersion(database: Queryable): Promise<Verdict> {
  const [server] = await database.$queryRaw<{ number: number }[]>`
    SELECT current_setting('server_version_num')::int AS number`;
  return judgeVersion(server?.number ?? 0);
}

/** @param number as in `server_version_num`: 180001 is PostgreSQL 18.1 */
export function judgeVersion(number: number): Verdict {
  const major = Math.floor(number / 10_000);
  if (major < OLDEST_MAJOR) {
    return stop(
      `the server is PostgreSQL ${major}; the oldest supported version is ${OLDEST_MAJOR}.`,
      `Upgrade it to ${NEWEST_MAJOR}.`,
    );
  }
  if (major <= NEWEST_MAJOR) return ok(`the server is PostgreSQL ${major}, a tested version.`);
  return warning(
    `the server is PostgreSQL ${major}; ${OLDEST_MAJOR} to ${NEWEST_MAJOR} are tested.`,
    'Rotate a copy of the database on such a server first.',
  );
}

/** Settings and state that decide whether the server takes writes. */
export interface Writability {
  isReplica: boolean;
  isReadOnly: boolean;
}

export async function inspectWritability(database: Queryable): Promise<Verdict> {
  const [server] = await database.$queryRaw<Writability[]>`
    SELECT pg_is_in_recovery() AS "isReplica", current_setting('transaction_read_only')::bool AS "isReadOnly"`;
  return judgeWritability(server ?? { isReplica: false, isReadOnly: false });
}

export function judgeWritability({ isReplica, isReadOnly }: Writability): Verdict {
  if (isReplica) return stop('the server is a replica and takes no writes.', 'Set DATABASE_URL to the primary.');
  if (!isReadOnly) return ok('the server takes writes.');
  return stop(
    'transactions are read-only for this user (default_transaction_read_only is on).',
    'Turn it off with ALTER ROLE … SET default_transaction_read_only = off, or use another user. ' +
      'If the service turned it on because its disk is full, free some space first.',
  );
}
