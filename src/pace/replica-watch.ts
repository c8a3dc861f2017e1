import type { RotationContext } from '../context.ts';
import type { Database } from '../database/database.ts';
import { missingReplicas, type Replica, type ReplicationState, readReplicationState } from '../database/replicas.ts';
import { ConfigurationError } from '../errors/errors.ts';
import { lagOf, recordWal, type WalSample } from './throttle.ts';

/** Interval of reading the replicas' positions, in milliseconds; their lag is known about as exactly. */
const POLL_MS = 500;

/** After this time without an answer, in milliseconds, the lag counts as unknown. */
const STALE_MS = 5_000;

export interface ReplicaWatch {
  /** @returns the reason to wait for the replicas, for a status line; undefined if there is none */
  behind(): string | undefined;
  stop(): void;
}

/**
 * Watches the lag of the streaming replicas. A replica that stops streaming, or whose replication slot is idle, holds the
 * rotation back, too. Reports each missing replica once.
 */
export function watchReplicas({ database, onEvent }: RotationContext, maxLagMs: number): ReplicaWatch {
  let samples: WalSample[] = [];
  let state: ReplicationState | undefined;
  let lookedAtMs = Number.NEGATIVE_INFINITY;
  let missing: (string | null)[] = [];
  const seen = new Map<string, string>();

  const look = async () => {
    const now = await readReplicationState(database);
    // After a failover others stream: the new primary itself was one of those seen before.
    if (state !== undefined && state.serverStartedAt !== now.serverStartedAt) seen.clear();
    for (const { id, name, isStandby } of now.replicas) if (isStandby) seen.set(id, name);
    const missingNow = missingReplicas(now, seen);
    for (const name of missingNow) if (!missing.includes(name)) onEvent({ type: 'replicaLost', name });
    const replayed = now.replicas.flatMap((replica) => replica.replayed ?? []);
    const furthestBehind = replayed.reduce<bigint | undefined>((a, b) => (a === undefined || b < a ? b : a), undefined);
    lookedAtMs = performance.now();
    samples = recordWal(samples, { position: now.position, atMs: lookedAtMs }, furthestBehind);
    [state, missing] = [now, missingNow];
  };
  // Where a look fails, the batches will say what is wrong.
  const lookAgain = () => void look().catch(() => {});
  lookAgain();
  const timer = setInterval(lookAgain, POLL_MS);

  return {
    behind() {
      const nowMs = performance.now();
      if (state === undefined || nowMs - lookedAtMs > STALE_MS) return 'the lag of the replicas is unknown';
      const [name] = missing;
      if (name !== undefined) return name === null ? 'no replica streams' : `replica ${name} does not stream`;
      return state.replicas.map((replica) => describeLag(replica, samples, nowMs, maxLagMs)).find(Boolean);
    },
    stop: () => clearInterval(timer),
  };
}

/** @returns undefined when the replica is close enough */
function describeLag({ name, replayed }: Replica, samples: WalSample[], nowMs: number, maxLagMs: number) {
  if (replayed === null) return `the lag of replica ${name} is hidden from this user`;
  const lagMs = lagOf(replayed, samples, nowMs);
  return lagMs > maxLagMs ? `replica ${name} is ${(lagMs / 1000).toFixed(1)} s behind` : undefined;
}

/**
 * Makes sure that the lag can be seen at all before anything relies on it.
 *
 * @returns the replicas that a rotation would wait for, because they do not stream; null stands for any
 * @throws ConfigurationError when this user may not see how far the replicas are
 */
export async function assertLagIsVisible(database: Database): Promise<(string | null)[]> {
  const state = await readReplicationState(database);
  if (state.replicas.every(({ replayed }) => replayed !== null)) return missingReplicas(state, new Map());
  throw new ConfigurationError(
    '--max-replica-lag-ms needs the positions of replicas: GRANT pg_monitor to the user of DATABASE_URL.',
  );
}
