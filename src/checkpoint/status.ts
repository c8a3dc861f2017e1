import type { Overrides } from '../config/overrides.ts';
import type { RecordTables } from '../config/record-tables.ts';
import type { Database } from '../database/database.ts';
import { ownSession } from '../database/session.ts';
import { type Checkpoint, isSwept, loadCheckpoints, serverTime } from './checkpoints.ts';
import { type Check, loadChecks } from './checks.ts';
import { loadOrders, type Order } from './orders.ts';
import { loadRotations, type RotationRecord } from './rotation-record.ts';
import { loadRuns, type Run, SILENT_RUN_MS } from './runs.ts';
import type { Store } from './store.ts';

/** Snapshot of a rotation, from its checkpoints. */
export interface RotationStatus {
  rotation: string;
  target: string;
  /**
   * `planning`: its tokens are being condemned, or were until a process ended. `running`: a process holds a partition.
   * `paused`: none may write. `stopped`: none does; the same command continues.
   */
  state: 'planning' | 'running' | 'paused' | 'stopped' | 'complete';
  startedAt: Date;
  /** Time of the snapshot, by the server's clock. */
  seenAt: Date;
  /** Time of the last write, by a batch or a claim. */
  updatedAt: Date;
  completedAt: Date | null;
  rowsDone: number;
  rowsTotal: number;
  totalIsEstimate: boolean;
  rowsSetAside: number;
  /** Number of condemned tokens; null if planned without, or not planned yet. */
  condemned: number | null;
  /** Time when verification passed. */
  verifiedAt: Date | null;
  partitions: PartitionStatus[];
  /** The pause that is in force, and the settings that were changed. */
  pausedUntil: Date | null;
  overrides: Overrides;
  /** Processes that work on it now. */
  processes: Run[];
  /** The SHA-256 of the list whose tokens alone it replaces; null: it replaces all in scope. */
  listSha256: string | null;
  /** All processes that have worked on it, all orders, and all verifications; the last first. */
  runs: Run[];
  orders: Order[];
  checks: Check[];
}

export interface PartitionStatus {
  partition: number;
  state: 'waiting' | 'held' | 'rows set aside' | 'complete';
  rowsDone: number;
  /** Its share of the rotation's rows, of which only the sum is counted. */
  rowsTotal: number;
  totalIsEstimate: boolean;
  rowsSetAside: number;
  /** Current holder and start of its claim; null if the claim has expired. */
  holder: { claimant: string; since: Date } | null;
  /** Last fault of the partition; null if there was none. */
  lastFault: { fault: string; at: Date } | null;
}

/**
 * Reads how far rotations are, from any machine and without disturbing them.
 *
 * @param tables of `recordTablesOf`
 * @param wanted the name of one rotation, or a condition on names. @default all of them
 * @returns the last started first; empty when there is none (of that name)
 */
export async function readStatus(
  given: Database,
  tables: RecordTables,
  wanted: string | ((name: string) => boolean) = () => true,
): Promise<RotationStatus[]> {
  const database = ownSession(given);
  const isWanted = typeof wanted === 'string' ? (name: string) => name === wanted : wanted;
  const rotations = (await loadRotations(database, tables)).filter(({ name }) => isWanted(name));
  const now = await serverTime(database);
  return Promise.all(
    rotations.map(async (rotation) =>
      summarise(rotation, await loadParts({ database, tables, rotation: rotation.name }), now),
    ),
  );
}

/** What belongs to a rotation. */
interface Parts {
  checkpoints: readonly Checkpoint[];
  runs: Run[];
  orders: Order[];
  checks: Check[];
}

async function loadParts(store: Store): Promise<Parts> {
  return {
    checkpoints: await loadCheckpoints(store),
    runs: await loadRuns(store),
    orders: await loadOrders(store),
    checks: await loadChecks(store),
  };
}

/** @param now by the server's clock, which the claims go by */
export function summarise(
  rotation: RotationRecord,
  { checkpoints, runs, orders, checks }: Parts,
  now: Date,
): RotationStatus {
  const partitions = checkpoints.map((checkpoint) => describePartition(checkpoint, checkpoints.length > 1, now));
  const sum = (field: 'rowsDone' | 'rowsTotal' | 'rowsSetAside') =>
    partitions.reduce((total, partition) => total + partition[field], 0);
  const isPlanned = rotation.plannedAt !== null;
  const isComplete = isPlanned && checkpoints.every(({ completedAt }) => completedAt !== null);
  const isHeld = partitions.some(({ holder }) => holder !== null);
  const isPaused = rotation.pausedUntil !== null && rotation.pausedUntil > now;
  const open = isPaused ? 'paused' : isHeld ? 'running' : 'stopped';
  return {
    rotation: rotation.name,
    target: rotation.target,
    seenAt: now,
    state: isPlanned ? (isComplete ? 'complete' : open) : 'planning',
    startedAt: rotation.startedAt,
    updatedAt: new Date(Math.max(Number(rotation.startedAt), ...checkpoints.map(({ updatedAt }) => Number(updatedAt)))),
    completedAt: isComplete ? new Date(Math.max(...checkpoints.map((each) => Number(each.completedAt)))) : null,
    rowsDone: sum('rowsDone'),
    rowsTotal: sum('rowsTotal'),
    totalIsEstimate: checkpoints.some(({ totalIsEstimate }) => totalIsEstimate),
    rowsSetAside: sum('rowsSetAside'),
    condemned: rotation.condemned === null ? null : Number(rotation.condemned),
    verifiedAt: rotation.verifiedAt,
    partitions,
    pausedUntil: isPaused ? rotation.pausedUntil : null,
    overrides: rotation.overrides,
    processes: runs.filter((run) => run.endedAt === null && Number(now) - Number(run.seenAt) < SILENT_RUN_MS),
    listSha256: rotation.listSha256,
    runs,
    orders,
    checks,
  };
}

function describePartition(checkpoint: Checkpoint, isOneOfSeveral: boolean, now: Date): PartitionStatus {
  const { partition, completedAt, claimedBy, claimedSince, claimedUntil, lastFault, lastFaultAt } = checkpoint;
  const isHeld = claimedBy !== null && claimedUntil !== null && claimedUntil > now;
  const open = isHeld ? 'held' : isSwept(checkpoint) ? 'rows set aside' : 'waiting';
  return {
    partition,
    state: completedAt === null ? open : 'complete',
    rowsDone: Number(checkpoint.rowsRotated),
    rowsTotal: Number(checkpoint.rowsTotal),
    totalIsEstimate: checkpoint.totalIsEstimate || isOneOfSeveral,
    rowsSetAside: Object.keys(checkpoint.setAside).length,
    holder: isHeld ? { claimant: claimedBy, since: claimedSince ?? claimedUntil } : null,
    lastFault: lastFault !== null && lastFaultAt !== null ? { fault: lastFault, at: lastFaultAt } : null,
  };
}
