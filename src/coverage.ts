import { type Checkpoint, loadCheckpoints } from './checkpoint.ts';
import type { Database } from './database.ts';
import { ConfigurationError } from './errors.ts';
import { TARGET } from './target.ts';

/**
 * @returns the checkpoints of an earlier run; none when there was none
 * @throws ConfigurationError when they are of another target, or cannot be trusted
 */
export async function loadTrusted(database: Database, rotation: string): Promise<Checkpoint[]> {
  const checkpoints = await loadCheckpoints(database, rotation);
  checkpoints.forEach(refuseOtherTarget);
  assertCoverage(checkpoints);
  return checkpoints;
}

function refuseOtherTarget({ rotation, target }: Checkpoint): void {
  if (target === TARGET) return;
  throw new ConfigurationError(
    `rotation '${rotation}' was started for ${target}, not ${TARGET}. Choose another --name.`,
  );
}

/**
 * Makes sure that the partitions of a rotation can be trusted; see coverageFault.
 *
 * @param checkpoints all of one rotation, in order
 * @throws ConfigurationError saying which partition is wrong, and in what
 */
export function assertCoverage(checkpoints: readonly Checkpoint[]): void {
  const fault = coverageFault(checkpoints);
  if (fault === undefined) return;
  throw new ConfigurationError(
    `rotation_checkpoints of rotation '${checkpoints[0]?.rotation}' cannot be trusted: ${fault}. Nothing was changed. ` +
      UNTRUSTED_ADVICE,
  );
}

/** What to do about partitions that cannot be trusted. */
export const UNTRUSTED_ADVICE = 'Restore its rows from a backup, or rotate everything once more under another --name.';

/**
 * Whether the partitions of a rotation cover everything up to the watermark, without gap or overlap, and none of them
 * claims to be where it cannot be. A rotation whose checkpoints were edited or deleted would otherwise leave rows out,
 * or rotate them twice, and call itself complete.
 *
 * @param checkpoints all of one rotation, in order
 * @returns which partition is wrong, and in what; undefined when all is well
 */
export function coverageFault(checkpoints: readonly Checkpoint[]): string | undefined {
  for (const [index, checkpoint] of checkpoints.entries()) {
    const fault = misplaced(checkpoint, index, checkpoints[index - 1]) ?? inconsistent(checkpoint);
    if (fault !== undefined) return fault;
  }
  const last = checkpoints.at(-1);
  const endsAtWatermark = checkpoints.every(({ watermark }) => watermark === last?.upperBound);
  return endsAtWatermark ? undefined : `partition ${last?.partition}, the last one, does not end at the watermark`;
}

function misplaced({ partition, lowerBound }: Checkpoint, index: number, before: Checkpoint | undefined) {
  if (partition !== index) return `partition ${index} is missing`;
  const expected = before?.upperBound ?? null;
  if (lowerBound === expected) return undefined;
  if (before === undefined) return `partition 0 begins at ${lowerBound}, not at the first key`;
  const which = `partitions ${before.partition} and ${partition}`;
  return lowerBound === null || lowerBound < before.upperBound
    ? `${which} overlap, from ${lowerBound ?? 'the first key'} to ${before.upperBound}`
    : `${which} leave a gap, from ${before.upperBound} to ${lowerBound}`;
}

function inconsistent({ partition, lowerBound, upperBound, cursor, setAside, completedAt }: Checkpoint) {
  const isBehind = (key: bigint, end: bigint) => (lowerBound === null || key > lowerBound) && key <= end;
  if (!isBehind(upperBound, upperBound)) return `partition ${partition} ends before it begins`;
  if (cursor !== null && !isBehind(cursor, upperBound)) return `the cursor of partition ${partition} is outside of it`;
  const stray = Object.keys(setAside).find((key) => cursor === null || !isBehind(BigInt(key), cursor));
  if (stray !== undefined) return `partition ${partition} has set ${stray} aside, where its cursor has not been`;
  const isDone = cursor === upperBound && Object.keys(setAside).length === 0;
  if (completedAt !== null && !isDone) return `partition ${partition} is marked complete but is not`;
  if (completedAt === null && isDone) return `partition ${partition} is complete but not marked so`;
  return undefined;
}
