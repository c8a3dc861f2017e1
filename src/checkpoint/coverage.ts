import type { Target } from '../config/target.ts';
import type { Queryable } from '../database/database.ts';
import { ConfigurationError } from '../errors/errors.ts';
import { type Checkpoint, type Key, loadCheckpoints } from './checkpoints.ts';
import { type KeyOrder, keyOrder } from './key-order.ts';
import { loadRotation, type RotationRecord } from './rotation-record.ts';
import type { Store } from './store.ts';

/** A rotation as it is recorded: what it is, and how far. */
export interface RecordedRotation {
  rotation: RotationRecord;
  /** In order; empty if the rotation is not planned yet. */
  checkpoints: Checkpoint[];
}

/**
 * @param listSha256 of the list whose tokens alone are to be replaced, or null
 * @returns what an earlier run recorded; null when there was none
 * @throws ConfigurationError when it is of another target or another list, or cannot be trusted
 */
export async function loadTrusted(
  store: Store,
  target: Target,
  listSha256: string | null,
): Promise<RecordedRotation | null> {
  const recorded = await loadRecorded(store, target);
  if (recorded !== null) refuseOtherList(recorded.rotation, listSha256);
  if (recorded === null || recorded.rotation.plannedAt === null) return recorded;
  const fault = await coverageFault(store.database, target, recorded);
  if (fault !== undefined) {
    throw new ConfigurationError(
      `rotation_checkpoints of rotation '${store.rotation}' cannot be trusted: ${fault}. Nothing was changed. ${UNTRUSTED_ADVICE}`,
    );
  }
  return recorded;
}

/** The same, trusted or not. */
export async function loadRecorded(store: Store, target: Target): Promise<RecordedRotation | null> {
  const rotation = await loadRotation(store);
  if (rotation === undefined) return null;
  refuseOtherTarget(rotation, target);
  return { rotation, checkpoints: await loadCheckpoints(store) };
}

function refuseOtherTarget({ name, target }: RotationRecord, { label }: Target): void {
  if (target === label) return;
  throw new ConfigurationError(
    `rotation '${name}' was started for ${target}, not for ${label}. To continue it, use the target definition that ` +
      'started it; another --name is another rotation, which gives every row a fresh token, including those that this one rotated.',
  );
}

/** A list is part of what a rotation is: with another one, other rows would be rotated. */
function refuseOtherList({ name, listSha256: recorded }: RotationRecord, listSha256: string | null): void {
  if (recorded === listSha256) return;
  const started =
    recorded === null ? 'for every token in scope' : `for the tokens of the list with SHA-256 ${recorded}`;
  throw new ConfigurationError(
    `rotation '${name}' was started ${started}. To continue it, ` +
      `${recorded === null ? 'leave --only out' : 'pass that list with --only'}; for anything else, use another --name.`,
  );
}

/** Advice for partitions that cannot be trusted. */
export const UNTRUSTED_ADVICE =
  'Restore its rows from a backup, or rotate everything again (--again, with another --name).';

/** Calls `findGap` with the order in which the database sorts the keys. */
export async function coverageFault(
  database: Queryable,
  target: Target,
  { rotation: { watermark }, checkpoints }: RecordedRotation,
): Promise<string | undefined> {
  return findGap(checkpoints, watermark ?? '', await keyOrder(database, target, keysOf(checkpoints)));
}

function keysOf(checkpoints: readonly Checkpoint[]): Key[] {
  const keys = checkpoints.flatMap(({ lowerBound, upperBound, cursor, setAside }) => [
    ...(lowerBound === null ? [] : [lowerBound]),
    upperBound,
    ...(cursor === null ? [] : [cursor]),
    ...Object.keys(setAside),
  ]);
  return [...new Set(keys)];
}

/**
 * Checks that the partitions of a rotation cover all keys up to the watermark without gap or overlap, and that each
 * checkpoint is consistent. Otherwise a rotation whose checkpoints were edited or deleted could skip rows or rotate them
 * twice, and call itself complete.
 *
 * @param checkpoints all of one planned rotation, in order
 * @returns the first partition that is wrong, and why; undefined if there is none
 */
export function findGap(checkpoints: readonly Checkpoint[], watermark: Key, order: KeyOrder): string | undefined {
  for (const [index, checkpoint] of checkpoints.entries()) {
    const fault = misplaced(checkpoint, index, checkpoints[index - 1], order) ?? inconsistent(checkpoint, order);
    if (fault !== undefined) return fault;
  }
  const last = checkpoints.at(-1);
  if (last === undefined) return 'all partitions are missing';
  return last.upperBound === watermark
    ? undefined
    : `partition ${last.partition}, the last one, does not end at the watermark`;
}

function misplaced(
  { partition, lowerBound }: Checkpoint,
  index: number,
  before: Checkpoint | undefined,
  order: KeyOrder,
): string | undefined {
  if (partition !== index) return `partition ${index} is missing`;
  const expected = before?.upperBound ?? null;
  if (lowerBound === expected) return undefined;
  if (before === undefined) return `partition 0 begins at ${lowerBound}, not at the first key`;
  const which = `partitions ${before.partition} and ${partition}`;
  return lowerBound === null || order(lowerBound) < order(before.upperBound)
    ? `${which} overlap, from ${lowerBound ?? 'the first key'} to ${before.upperBound}`
    : `${which} leave a gap, from ${before.upperBound} to ${lowerBound}`;
}

function inconsistent(
  { partition, lowerBound, upperBound, cursor, setAside, completedAt }: Checkpoint,
  order: KeyOrder,
): string | undefined {
  const isBehind = (key: Key, end: Key) =>
    (lowerBound === null || order(key) > order(lowerBound)) && order(key) <= order(end);
  if (!isBehind(upperBound, upperBound)) return `partition ${partition} ends before it begins`;
  if (cursor !== null && !isBehind(cursor, upperBound))
    return `the cursor of partition ${partition} is outside the partition`;
  const stray = Object.keys(setAside).find((key) => cursor === null || !isBehind(key, cursor));
  if (stray !== undefined) return `partition ${partition} has set ${stray} aside, which its cursor has not reached`;
  const isDone = cursor === upperBound && Object.keys(setAside).length === 0;
  if (completedAt !== null && !isDone) return `partition ${partition} is marked complete but is not`;
  if (completedAt === null && isDone) return `partition ${partition} is complete but not marked so`;
  return undefined;
}
