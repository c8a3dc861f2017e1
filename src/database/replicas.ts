import type { Database } from './database.ts';

/** A process that streams from this server and reports how far it has replayed. */
export interface Replica {
  /** Its `application_name`, with its address if it has one. */
  name: string;
  /** By what it is known again after a reconnect: its replication slot, or else its name. */
  id: string;
  /** True for a physical standby, false for a subscriber to logical changes. */
  isStandby: boolean;
  /** Position up to which it has replayed, in bytes from the start of the log; null if this user may not see it. */
  replayed: bigint | null;
}

/** Position of the primary's write-ahead log, and the replicas' positions in it. */
export interface ReplicationState {
  position: bigint;
  /** Start of the server, in seconds since 1970; it changes with a failover. */
  serverStartedAt: number;
  replicas: Replica[];
  /** Physical replication slots that have been used, but that no replica streams from now. */
  idleSlots: string[];
}

type Row = Pick<ReplicationState, 'position' | 'serverStartedAt' | 'idleSlots'> &
  (Replica | { [Field in keyof Replica]: null });

/** Receivers that never replay, such as `pg_receivewal` and base backups, are left out. */
export async function readReplicationState(database: Database): Promise<ReplicationState> {
  const rows = await database.$queryRaw<Row[]>`
    SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint AS position,
      extract(epoch FROM pg_postmaster_start_time())::float8 AS "serverStartedAt",
      ARRAY(
        SELECT slot_name::text FROM pg_replication_slots
        WHERE slot_type = 'physical' AND NOT active AND restart_lsn IS NOT NULL AND wal_status IS DISTINCT FROM 'lost'
        ORDER BY slot_name
      ) AS "idleSlots",
      name, coalesce(slot_name::text, name) AS id, slot_type IS DISTINCT FROM 'logical' AS "isStandby",
      pg_wal_lsn_diff(replay_lsn, '0/0')::bigint AS replayed
    FROM (SELECT) AS one_row LEFT JOIN (
      SELECT sender.*, slot_name, slot_type, application_name || coalesce(' at ' || host(client_addr), '') AS name
      FROM pg_stat_replication AS sender LEFT JOIN pg_replication_slots ON active_pid = sender.pid
      -- Without a state all of it is hidden from this user; with one, whoever replays has said how far.
      WHERE state IS NULL OR (state IN ('streaming', 'catchup') AND replay_lsn IS NOT NULL)
    ) AS receiver ON true`;
  const { position = 0n, serverStartedAt = 0, idleSlots = [] } = rows[0] ?? {};
  return { position, serverStartedAt, idleSlots, replicas: rows.flatMap((row) => (row.name === null ? [] : [row])) };
}

/**
 * Replicas that should stream but do not.
 *
 * @param seen the standbys that streamed before, name by id
 * @returns their names; null stands for any replica, where none streams and none is known
 */
export function missingReplicas(
  { replicas, idleSlots }: Pick<ReplicationState, 'replicas' | 'idleSlots'>,
  seen: ReadonlyMap<string, string>,
): (string | null)[] {
  const lost = [...seen].filter(([id]) => !replicas.some((replica) => replica.id === id)).map(([, name]) => name);
  const away = idleSlots.filter((slot) => !seen.has(slot)).map((slot) => `of slot ${slot}`);
  const missing = [...lost, ...away];
  return missing.length === 0 && replicas.length === 0 ? [null] : missing;
}
