import type { Checkpoint } from './checkpoint.ts';
import { ConfigurationError } from './errors.ts';

/**
 * Makes sure that the partitions of a rotation cover everything up to the watermark, without gap or overlap, and that
 * none of them claims to be where it cannot be. A rotation whose checkpoints were edited or deleted would otherwise
 * leave rows out, or rotate them twice, and call itself complete.
 *
 * @param checkpoints all of one rotation, in order
 * @throws ConfigurationError saying which partition is wrong, and in what
 */
export function assertCoverage(checkpoints: readonly Checkpoint[]): void {
  for (const [index, checkpoint] of checkpoints.entries()) {
    const fault = misplaced(checkpoint, index, checkpoints[index - 1]) ?? inconsistent(checkpoint);
    if (fault === undefined) continue;
    throw new ConfigurationError(
      `rotation_checkpoints of rotation '${checkpoint.rotation}' cannot be trusted: ${fault}. Nothing was changed. ` +
        'Restore its rows from a backup, or rotate everything once more under another --name.',
    );
  }
}

function misplaced({ partition, lowerBound }: Checkpoint, index: number, before: Checkpoint | undefined) {
  if (partition !== index) return `partition ${index} is missing`;
  const expected = before?.upperBound ?? null;
  if (lowerBound === expected) return undefined;
  if (before === undefined) return `partition 0 begins at ${lowerBound}, not at the first key`;
  const kind = lowerBound === null || lowerBound < before.upperBound ? 'overlap' : 'leave a gap';
  return `partitions ${before.partition} and ${partition} ${kind}, between ${before.upperBound} and ${lowerBound ?? 'the first key'}`;
}

function inconsistent({ partition, lowerBound, upperBound, cursor, setAside, completedAt }: Checkpoint) {
  const isBehind = (key: bigint, end: bigint) => (lowerBound === null || key > lowerBound) && key <= end;
  if (!isBehind(upperBound, upperBound)) return `partition ${partition} ends before it begins`;
  if (cursor !== null && !isBehind(cursor, upperBound)) return `the cursor of partition ${partition} is outside of it`;
  const stray = Object.keys(setAside).find((key) => cursor === null || !isBehind(BigInt(key), cursor));
  if (stray !== undefined) return `partition ${partition} has set ${stray} aside, where its cursor has not been`;
  const isDone = cursor === upperBound && Object.keys(setAside).length === 0;
  if (completedAt !== null && !isDone) return `partition ${partition} is marked complete but is not`;
  return undefined;
}
