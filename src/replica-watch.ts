import type { RotationContext } from './context.ts';
import type { Database } from './database.ts';
import { ConfigurationError } from './errors.ts';
import { type Replica, readReplicationState } from './replicas.ts';
import { lagOf, recordWal, type WalSample } from './throttle.ts';

/** How often the replicas are looked at, in milliseconds: how exactly their lag is known. */
const POLL_MS = 500;

export interface ReplicaWatch {
  /** @returns which replica is too far behind, and how far, for a status line; undefined when none is */
  behind(): string | undefined;
  stop(): void;
}

/** Keeps an eye on how far the streaming replicas are behind; tells when one disappears. */
export function watchReplicas({ database, onEvent }: RotationContext, maxLagMs: number): ReplicaWatch {
  let samples: WalSample[] = [];
  let replicas: Replica[] = [];
  const look = async () => {
    const { position, replicas: current } = await readReplicationState(database);
    for (const { name } of replicas) {
      if (!current.some((replica) => replica.name === name)) onEvent({ type: 'replicaLost', name });
    }
    replicas = current;
    const replayed = current.flatMap((replica) => replica.replayed ?? []);
    const furthestBehind = replayed.reduce<bigint | undefined>((a, b) => (a === undefined || b < a ? b : a), undefined);
    samples = recordWal(samples, { position, atMs: performance.now() }, furthestBehind);
  };
  // Where a look fails, the batches will say what is wrong.
  const timer = setInterval(() => void look().catch(() => {}), POLL_MS);
  return {
    behind() {
      for (const { name, replayed } of replicas) {
        const lagMs = replayed === null ? 0 : lagOf(replayed, samples, performance.now());
        if (lagMs > maxLagMs) return `replica ${name} is ${(lagMs / 1000).toFixed(1)} s behind`;
      }
      return undefined;
    },
    stop: () => clearInterval(timer),
  };
}

/**
 * Makes sure that the lag can be seen at all before anything relies on it.
 *
 * @throws ConfigurationError when this user may not see how far the replicas are
 */
export async function assertLagIsVisible(database: Database): Promise<void> {
  const { replicas } = await readReplicationState(database);
  if (replicas.every(({ replayed }) => replayed !== null)) return;
  throw new ConfigurationError(
    '--max-replica-lag-ms needs to see how far the replicas are: GRANT pg_monitor to the user of DATABASE_URL.',
  );
}
