import type { Settings } from '../config/settings.ts';
import type { RotationContext } from '../context.ts';
import { rowTablesOf } from '../database/row-tables.ts';
import { LIMIT_OF_USER, readConnectionLimits } from '../preflight/connections.ts';
import { readLongTransactions } from '../preflight/long-transactions.ts';
import { readSlots } from '../preflight/replication.ts';
import { formatBytes, formatCount, formatSeconds } from '../text/format.ts';
import { countOf } from '../text/wording.ts';
import { replicaLag } from './replica-lag.ts';

/** What a throttle has read. */
export interface Reading {
  /** The value as a share of its limit. From 1 on, the rotation stands still. */
  load: number;
  /** The value and the limit, for a status line. */
  detail: string;
}

/** A reason to hold the rotation back, so that others are served. */
export interface ThrottleCheck {
  /** Its option, or another name. */
  reason: string;
  /** @returns null when it is turned off @throws when its value cannot be read, which holds the rotation back */
  read(settings: Settings): Promise<Reading | null>;
}

/** All throttles of a rotation. */
export function throttleChecks(context: RotationContext): ThrottleCheck[] {
  const { database, target, throttle } = context;
  return [
    { reason: '--max-replica-lag-ms', read: replicaLag(context) },
    { reason: '--max-slot-wal-mb', read: ({ maxSlotWalMb }) => unless(maxSlotWalMb, slotWal) },
    { reason: '--max-unarchived-files', read: ({ maxUnarchivedFiles }) => unless(maxUnarchivedFiles, archiving) },
    {
      reason: '--min-free-connections',
      read: ({ minFreeConnections }) => unless(minFreeConnections || null, connections),
    },
    { reason: '--max-dead-row-ratio', read: ({ maxDeadRowRatio }) => unless(maxDeadRowRatio, deadRows) },
    {
      reason: '--max-transaction-age-ms',
      read: ({ maxTransactionAgeMs }) => unless(maxTransactionAgeMs, transactions),
    },
    { reason: '--max-waiting-sessions', read: ({ maxWaitingSessions }) => unless(maxWaitingSessions, waiting) },
    { reason: 'throttle', read: async () => (throttle === undefined ? null : ownReason(await throttle())) },
  ];

  /** WAL that replication slots keep from being removed. */
  async function slotWal(limitMb: number): Promise<Reading> {
    const slots = await readSlots(database);
    const [most] = slots.toSorted((a, b) => (b.keptBytes ?? 0) - (a.keptBytes ?? 0));
    if (most === undefined) return NOTHING;
    const bytes = most.keptBytes ?? 0;
    return {
      load: bytes / (limitMb * 1e6),
      detail: `replication slot ${most.name} retains ${formatBytes(bytes)} of WAL, of ${formatBytes(limitMb * 1e6)} at most`,
    };
  }

  /** WAL files that are not archived yet, where this user may see them; and whether archiving fails. */
  async function archiving(limit: number): Promise<Reading> {
    const [archiver] = await database.$queryRaw<{ isFailing: boolean; mayList: boolean }[]>`
      SELECT current_setting('archive_mode') <> 'off'
          AND coalesce(last_failed_time > coalesce(last_archived_time, '-infinity'), false) AS "isFailing",
        current_setting('archive_mode') <> 'off'
          AND has_function_privilege('pg_catalog.pg_ls_archive_statusdir()', 'EXECUTE') AS "mayList"
      FROM pg_stat_archiver`;
    if (archiver?.isFailing)
      return { load: Number.POSITIVE_INFINITY, detail: 'archiving WAL fails (see pg_stat_archiver)' };
    if (!archiver?.mayList) return NOTHING;
    const [ready] = await database.$queryRaw<{ files: number }[]>`
      SELECT count(*)::int AS files FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready'`;
    const files = ready?.files ?? 0;
    return {
      load: files / limit,
      detail: `${countOf(files, 'WAL file')} ${files === 1 ? 'waits' : 'wait'} to be archived, of ${formatCount(limit)} at most`,
    };
  }

  /** Connections that are left for others. */
  async function connections(least: number): Promise<Reading> {
    const limits = (await readConnectionLimits(database)).filter(({ name }) => name !== LIMIT_OF_USER);
    const free = Math.min(...limits.map(({ most, used }) => most - used));
    return {
      load: free <= 0 ? Number.POSITIVE_INFINITY : free < least ? 1 : 0,
      detail: `${countOf(Math.max(0, free), 'connection')} of the server ${free === 1 ? 'is' : 'are'} free, of ${formatCount(least)} at least`,
    };
  }

  /** Rows that wait for a vacuum, most of them left by the rotation itself. */
  async function deadRows(limit: number): Promise<Reading> {
    const [table] = await database.$queryRaw<{ ratio: number }[]>`
      SELECT coalesce(sum(n_dead_tup) / greatest(sum(n_live_tup), 1), 0)::float8 AS ratio
      FROM pg_stat_all_tables JOIN ${rowTablesOf(target)} AS tables ON oid = relid`;
    const ratio = table?.ratio ?? 0;
    return {
      load: ratio / limit,
      detail: `${ratio.toFixed(2)} dead rows for each live one, of ${limit} at most, wait for a vacuum of ${target.tableName}`,
    };
  }

  /** Transactions of others, behind which nothing can be vacuumed. */
  async function transactions(limitMs: number): Promise<Reading> {
    const { seen, hidden } = await readLongTransactions(database, limitMs / 2_000);
    if (hidden > 0) {
      const detail = 'the age of transactions of others is hidden from this user (GRANT pg_monitor to it)';
      return { load: Number.POSITIVE_INFINITY, detail };
    }
    const [oldest] = seen;
    if (oldest === undefined) return NOTHING;
    const who = oldest.pid === null ? `prepared transaction ${oldest.prepared}` : `process ${oldest.pid}`;
    return {
      load: (oldest.ageSeconds * 1_000) / limitMs,
      detail: `the transaction of ${who} is ${formatSeconds(oldest.ageSeconds)} old, of ${formatSeconds(limitMs / 1_000)} at most`,
    };
  }

  /** Sessions that wait for a lock which a rotation holds. */
  async function waiting(limit: number): Promise<Reading> {
    const [sessions] = await database.$queryRaw<{ waiting: number }[]>`
      SELECT count(*)::int AS waiting FROM (SELECT DISTINCT pid FROM pg_locks WHERE NOT granted) AS waiter
      WHERE EXISTS (
        SELECT FROM pg_stat_activity AS holder
        WHERE holder.pid = ANY (pg_blocking_pids(waiter.pid)) AND application_name = current_setting('application_name')
      )`;
    const count = sessions?.waiting ?? 0;
    return {
      load: count / limit,
      detail: `${countOf(count, 'session')} ${count === 1 ? 'waits' : 'wait'} for locks of the rotation, of ${formatCount(limit)} at most`,
    };
  }
}

const NOTHING: Reading = { load: 0, detail: '' };

function unless(limit: number | null, read: (limit: number) => Promise<Reading>): Promise<Reading | null> {
  return limit === null ? Promise.resolve(null) : read(limit);
}

/** @param reason what the config's own throttle returned */
function ownReason(reason: string | null): Reading | null {
  return reason === null ? null : { load: 1, detail: reason };
}
