import type { Queryable } from '../database/database.ts';
import { sql } from '../database/sql.ts';
import { formatBytes, formatSeconds } from '../text/format.ts';
import { countOf, listed } from '../text/wording.ts';
import { ok, type Verdict, warning } from './verdict.ts';

/** A physical standby that streams from this server. Null is what this user may not see. */
export interface Standby {
  name: string;
  lagBytes: number | null;
  /** Null also where nothing has been written lately. */
  lagSeconds: number | null;
}

/** A consumer that makes the server retain WAL. */
export interface ReplicationSlot {
  name: string;
  isActive: boolean;
  /** True if it decodes the changes of this database. */
  decodes: boolean;
  /** Null where it keeps nothing. */
  keptBytes: number | null;
}

/** From here on whoever reads from a standby sees something old, and a rotation would make it older. */
const MUCH_LAG_BYTES = 100e6;
const MUCH_LAG_SECONDS = 10;

/** Position of the log: written here or, on a replica, received. */
const POSITION = sql`CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END`;

export async function inspectReplication(database: Queryable): Promise<Verdict> {
  return judgeReplication(await readStandbys(database), await readSlots(database));
}

/** Those who take logical changes are left out; they have a slot. So are base backups. */
async function readStandbys(database: Queryable): Promise<Standby[]> {
  return database.$queryRaw<Standby[]>`
    SELECT coalesce(nullif(application_name, ''), 'process ' || pid) AS name,
      pg_wal_lsn_diff(${POSITION}, replay_lsn)::float8 AS "lagBytes",
      extract(epoch FROM replay_lag)::float8 AS "lagSeconds"
    FROM pg_stat_replication AS sender
    WHERE (state IN ('streaming', 'catchup') OR state IS NULL)
      AND NOT EXISTS (SELECT FROM pg_replication_slots WHERE active_pid = sender.pid AND slot_type = 'logical')
    ORDER BY name`;
}

export async function readSlots(database: Queryable): Promise<ReplicationSlot[]> {
  return database.$queryRaw<ReplicationSlot[]>`
    SELECT slot_name::text AS name, active AS "isActive",
      slot_type = 'logical' AND database = current_database() AS decodes,
      pg_wal_lsn_diff(${POSITION}, restart_lsn)::float8 AS "keptBytes"
    FROM pg_replication_slots WHERE wal_status IS DISTINCT FROM 'lost'
    ORDER BY name`;
}

export function judgeReplication(standbys: readonly Standby[], slots: readonly ReplicationSlot[]): Verdict {
  const parts = [...idleSlots(slots), ...decodingSlots(slots), ...lateStandbys(standbys), ...unseenStandbys(standbys)];
  if (parts.length > 0) {
    return warning(`${parts.map(({ what }) => what).join('; ')}.`, parts.map(({ advice }) => advice).join(' '));
  }
  if (standbys.length === 0) return ok('no standby is connected, and no replication slot retains WAL.');
  return ok(
    `${countOf(standbys.length, 'standby')} ${standbys.length === 1 ? 'follows' : 'follow'} closely: ${listed(standbys.map(describeLag))}.`,
  );
}

interface Part {
  what: string;
  advice: string;
}

function idleSlots(slots: readonly ReplicationSlot[]): Part[] {
  const idle = slots.filter(({ isActive, keptBytes }) => !isActive && keptBytes !== null);
  if (idle.length === 0) return [];
  const names = idle.map(({ name, keptBytes }) => `${name} (${formatBytes(keptBytes ?? 0)})`);
  return [
    {
      what: `replication slots without a consumer retain WAL, and the rotation adds to it: ${listed(names)}`,
      advice: 'Attach a consumer or drop the slot (pg_drop_replication_slot) before the disk is full.',
    },
  ];
}

function decodingSlots(slots: readonly ReplicationSlot[]): Part[] {
  const names = slots.filter(({ decodes, isActive }) => decodes && isActive).map(({ name }) => name);
  if (names.length === 0) return [];
  return [
    {
      what: `each change will be decoded for logical replication: ${listed(names)}`,
      advice: 'Check that subscribers can handle a change of every row, and that they may receive the fresh tokens.',
    },
  ];
}

function lateStandbys(standbys: readonly Standby[]): Part[] {
  const late = standbys.filter(
    ({ lagBytes, lagSeconds }) => (lagBytes ?? 0) > MUCH_LAG_BYTES || (lagSeconds ?? 0) > MUCH_LAG_SECONDS,
  );
  if (late.length === 0) return [];
  return [
    {
      what: `standbys are far behind, and the rotation adds to that: ${listed(late.map(describeLag))}`,
      advice: 'Wait until the standby has caught up; until then, it serves old data.',
    },
  ];
}

function unseenStandbys(standbys: readonly Standby[]): Part[] {
  const unseen = standbys.filter(({ lagBytes }) => lagBytes === null).map(({ name }) => name);
  if (unseen.length === 0) return [];
  return [
    {
      what: `the lag of standbys is hidden from this user: ${listed(unseen)}`,
      advice: 'GRANT pg_monitor to the user of DATABASE_URL to see it.',
    },
  ];
}

/** `replica (1.5 MB, 0.3 s)` */
function describeLag({ name, lagBytes, lagSeconds }: Standby): string {
  const lag = [formatBytes(lagBytes ?? 0), ...(lagSeconds === null ? [] : [formatSeconds(lagSeconds)])];
  return `${name} (${lag.join(', ')})`;
}
