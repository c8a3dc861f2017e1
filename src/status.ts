import { type Checkpoint, isSwept, loadCheckpoints, loadRotationNames, serverTime } from './checkpoint.ts';
import type { Database } from './database.ts';

/** What the checkpoints say about a rotation, at one moment. */
export interface RotationStatus {
  rotation: string;
  target: string;
  /** `running`: a process holds a partition. `stopped`: none does; the same command continues. */
  state: 'running' | 'stopped' | 'complete';
  startedAt: Date;
  /** When this was read, by the server's clock. */
  seenAt: Date;
  /** When something was last written: a batch, a claim. */
  updatedAt: Date;
  completedAt: Date | null;
  rowsDone: number;
  rowsTotal: number;
  totalIsEstimate: boolean;
  rowsSetAside: number;
  partitions: PartitionStatus[];
}

export interface PartitionStatus {
  partition: number;
  state: 'waiting' | 'held' | 'rows set aside' | 'complete';
  rowsDone: number;
  rowsTotal: number;
  rowsSetAside: number;
  /** Who holds it and since when, while the claim counts. */
  holder: { claimant: string; since: Date } | null;
  /** What last went wrong in it, if anything did. */
  lastFault: { fault: string; at: Date } | null;
}

/**
 * Reads how far rotations are, from any machine and without disturbing them.
 *
 * @param name of one rotation; all of them when left out
 * @returns the last started first; empty when there is none (of that name)
 */
export async function readStatus(database: Database, name?: string): Promise<RotationStatus[]> {
  const rotations = name === undefined ? await loadRotationNames(database) : [name];
  const now = await serverTime(database);
  const statuses = await Promise.all(
    rotations.map(async (rotation) => summarise(await loadCheckpoints(database, rotation), now)),
  );
  return statuses.flatMap((status) => status ?? []).sort((a, b) => Number(b.startedAt) - Number(a.startedAt));
}

/** @param now by the server's clock, which the claims go by */
export function summarise(checkpoints: readonly Checkpoint[], now: Date): RotationStatus | null {
  const [first] = checkpoints;
  if (first === undefined) return null;
  const partitions = checkpoints.map((checkpoint) => describePartition(checkpoint, now));
  const sum = (field: 'rowsDone' | 'rowsTotal' | 'rowsSetAside') =>
    partitions.reduce((total, partition) => total + partition[field], 0);
  const isComplete = checkpoints.every(({ completedAt }) => completedAt !== null);
  return {
    rotation: first.rotation,
    target: first.target,
    seenAt: now,
    state: isComplete ? 'complete' : partitions.some(({ holder }) => holder !== null) ? 'running' : 'stopped',
    startedAt: new Date(Math.min(...checkpoints.map(({ startedAt }) => Number(startedAt)))),
    updatedAt: new Date(Math.max(...checkpoints.map(({ updatedAt }) => Number(updatedAt)))),
    completedAt: isComplete ? new Date(Math.max(...checkpoints.map((each) => Number(each.completedAt)))) : null,
    rowsDone: sum('rowsDone'),
    rowsTotal: sum('rowsTotal'),
    totalIsEstimate: checkpoints.some(({ totalIsEstimate }) => totalIsEstimate),
    rowsSetAside: sum('rowsSetAside'),
    partitions,
  };
}

function describePartition(checkpoint: Checkpoint, now: Date): PartitionStatus {
  const { partition, completedAt, claimedBy, claimedSince, claimedUntil, lastFault, lastFaultAt } = checkpoint;
  const isHeld = claimedBy !== null && claimedUntil !== null && claimedUntil > now;
  const open = isHeld ? 'held' : isSwept(checkpoint) ? 'rows set aside' : 'waiting';
  return {
    partition,
    state: completedAt === null ? open : 'complete',
    rowsDone: Number(checkpoint.rowsRotated),
    rowsTotal: Number(checkpoint.rowsTotal),
    rowsSetAside: Object.keys(checkpoint.setAside).length,
    holder: isHeld ? { claimant: claimedBy, since: claimedSince ?? claimedUntil } : null,
    lastFault: lastFault !== null && lastFaultAt !== null ? { fault: lastFault, at: lastFaultAt } : null,
  };
}
