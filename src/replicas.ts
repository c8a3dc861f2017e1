import type { Database } from './database.ts';

/** A standby that streams from this server. */
export interface Replica {
  /** What it calls itself (`application_name`), and its address where it has one. */
  name: string;
  /** How far it has replayed, in bytes from the beginning of the log; null when this user may not see it. */
  replayed: bigint | null;
}

/** Where the primary's write-ahead log is, and which streaming replicas have replayed how much of it. */
export interface ReplicationState {
  position: bigint;
  replicas: Replica[];
}

export async function readReplicationState(database: Database): Promise<ReplicationState> {
  const rows = await database.$queryRaw<{ position: bigint; name: string | null; replayed: bigint | null }[]>`
    SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint AS position,
      application_name || coalesce(' at ' || host(client_addr), '') AS name,
      pg_wal_lsn_diff(replay_lsn, '0/0')::bigint AS replayed
    FROM (SELECT) AS one_row LEFT JOIN pg_stat_replication ON state IN ('streaming', 'catchup') OR state IS NULL`;
  const replicas = rows.flatMap(({ name, replayed }) => (name === null ? [] : [{ name, replayed }]));
  return { position: rows[0]?.position ?? 0n, replicas };
}
