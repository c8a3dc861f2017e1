import type { Settings } from '../config/settings.ts';
import type { RotationContext } from '../context.ts';
import type { Database } from '../database/database.ts';
import { missingReplicas, type ReplicationState, readReplicationState } from '../database/replicas.ts';
import { ConfigurationError } from '../errors/errors.ts';
import { formatSeconds } from '../text/format.ts';
import { lagOf, recordWal, type WalSample } from './throttle.ts';
import type { Reading } from './throttle-checks.ts';

/**
 * The throttle that watches the lag of the streaming replicas. A replica that stops streaming, or whose replication slot
 * is idle, holds the rotation back, too. Reports each missing replica once.
 */
export function replicaLag({ database, onEvent }: RotationContext): (settings: Settings) => Promise<Reading | null> {
  let samples: WalSample[] = [];
  let state: ReplicationState | undefined;
  let missing: (string | null)[] = [];
  const seen = new Map<string, string>();

  return async ({ maxReplicaLagMs }) => {
    if (maxReplicaLagMs === null) return null;
    const now = await readReplicationState(database);
    // After a failover others stream: the new primary itself was one of those seen before.
    if (state !== undefined && state.serverStartedAt !== now.serverStartedAt) seen.clear();
    for (const { id, name, isStandby } of now.replicas) if (isStandby) seen.set(id, name);
    const missingNow = missingReplicas(now, seen);
    for (const name of missingNow) if (!missing.includes(name)) onEvent({ type: 'replicaLost', name });
    const replayed = now.replicas.flatMap((replica) => replica.replayed ?? []);
    const furthestBehind = replayed.reduce<bigint | undefined>((a, b) => (a === undefined || b < a ? b : a), undefined);
    const nowMs = performance.now();
    samples = recordWal(samples, { position: now.position, atMs: nowMs }, furthestBehind);
    [state, missing] = [now, missingNow];
    return readingOf(now, missing, samples, nowMs, maxReplicaLagMs);
  };
}

function readingOf(
  { replicas }: ReplicationState,
  [missing]: readonly (string | null)[],
  samples: readonly WalSample[],
  nowMs: number,
  maxLagMs: number,
): Reading {
  const unknown = (detail: string) => ({ load: Number.POSITIVE_INFINITY, detail });
  if (missing !== undefined)
    return unknown(missing === null ? 'no replica streams' : `replica ${missing} does not stream`);
  const hidden = replicas.find(({ replayed }) => replayed === null);
  if (hidden !== undefined) return unknown(`the lag of replica ${hidden.name} is hidden from this user`);
  const lags = replicas.map(({ name, replayed }) => ({ name, ms: lagOf(replayed ?? 0n, samples, nowMs) }));
  const [last] = lags.sort((a, b) => b.ms - a.ms);
  if (last === undefined) return { load: 0, detail: '' };
  return {
    load: last.ms / maxLagMs,
    detail: `replica ${last.name} is ${formatSeconds(last.ms / 1000)} behind, of ${formatSeconds(maxLagMs / 1000)} at most`,
  };
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
