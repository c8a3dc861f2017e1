import { type Checkpoint, isSwept, loadCheckpoints, loadRotationNames } from './checkpoint.ts';
import type { RotationContext } from './context.ts';
import { coverageFault, refuseOtherTarget, UNTRUSTED_ADVICE } from './coverage.ts';
import { ConfigurationError } from './errors.ts';
import type { Finding } from './finding.ts';
import { assertVisible } from './preflight.ts';
import { retry } from './retry.ts';
import { rowsOf } from './set-aside.ts';
import type { Target } from './target.ts';
import { findUniqueness, scanTokens, shapeFinding, type TokenScan } from './verify/token-shape.ts';
import { countOf, listed } from './wording.ts';

/**
 * Checks that a rotation has left no row out. It changes nothing, and reads in short statements, but every row.
 *
 * - `coverage`: the partitions cover everything up to the watermark, and all of them are complete; otherwise there is
 *   nothing else to look at yet
 * - `rows`: as many rows were rotated as there are, but for those deleted or inserted since
 * - `shape`: up to the watermark every row in scope has a token of the target's kind, and no two have the same
 *
 * @param context its settings' name says which rotation
 * @returns these three, in this order
 * @throws ConfigurationError when no rotation of that name is recorded, it is of another target, or this user does not
 *   see every row
 * @throws GaveUpError when a fault did not pass in time
 * @throws AbortError when the signal was aborted
 */
export async function verifyRotation(context: RotationContext): Promise<Finding[]> {
  const { database, target, settings } = context;
  const checkpoints = await retry(context, () => loadCheckpoints(database, settings.name));
  const [first] = checkpoints;
  if (first === undefined) throw new ConfigurationError(await notRecorded(context));
  refuseOtherTarget(checkpoints, target);
  await assertVisible(context);
  const coverage = coverageFinding(
    checkpoints,
    await retry(context, () => coverageFault(database, target, checkpoints)),
  );
  if (coverage.level === 'stop') return [coverage];
  const scan = await scanTokens(context, first.watermark);
  const uniqueness = await findUniqueness(context, scan);
  return [coverage, rowsFinding(target, checkpoints, scan), shapeFinding(target, scan, uniqueness)];
}

/** Whether a rotation of that name has ever begun. */
export async function isRecorded(context: RotationContext): Promise<boolean> {
  return (await rotationNames(context)).includes(context.settings.name);
}

async function notRecorded(context: RotationContext): Promise<string> {
  const names = await rotationNames(context);
  const others = names.length === 0 ? 'nor any other' : `only ${listed(names.map((name) => `'${name}'`))}`;
  return `no rotation '${context.settings.name}' is recorded in this database, ${others}. (That of an empty table is not recorded.)`;
}

function rotationNames(context: RotationContext): Promise<string[]> {
  return retry(context, () => loadRotationNames(context.database));
}

function coverageFinding(checkpoints: readonly Checkpoint[], fault: string | undefined): Finding {
  const check = 'coverage';
  if (fault !== undefined) {
    return {
      check,
      level: 'stop',
      message: `rotation_checkpoints cannot be trusted: ${fault}.`,
      advice: UNTRUSTED_ADVICE,
    };
  }
  const left = [...openPartitions(checkpoints), ...rowsSetAside(checkpoints)];
  if (left.length > 0) {
    return {
      check,
      level: 'stop',
      message: `The rotation is not complete: ${left.join('; ')}.`,
      advice: 'Run it again: it continues where it stopped.',
    };
  }
  const partitions =
    checkpoints.length === 1 ? 'One partition covers' : `${countOf(checkpoints.length, 'partition')} cover`;
  const message = `${partitions} everything up to key ${checkpoints[0]?.watermark} without gap or overlap, and all of it is done.`;
  return { check, level: 'ok', message };
}

/** In no or one piece of a sentence. */
function openPartitions(checkpoints: readonly Checkpoint[]): string[] {
  const open = checkpoints.filter((checkpoint) => !isSwept(checkpoint));
  if (open.length === 0) return [];
  const places = open.map(
    ({ partition, cursor, upperBound }) =>
      `partition ${partition} ${cursor === null ? 'has not begun' : `is at key ${cursor}`} (it ends at ${upperBound})`,
  );
  return [
    `${open.length} of ${countOf(checkpoints.length, 'partition')} ${open.length === 1 ? 'is' : 'are'} open: ${listed(places)}`,
  ];
}

/** In no or one piece of a sentence. */
function rowsSetAside(checkpoints: readonly Checkpoint[]): string[] {
  const rows = rowsOf(checkpoints);
  if (rows.length === 0) return [];
  const keys = rows.map(({ key, fault }) => `${key} (${fault})`);
  return [`${countOf(rows.length, 'row')} set aside, with the leaked token still in place, by key: ${listed(keys)}`];
}

function rowsFinding({ scope }: Target, checkpoints: readonly Checkpoint[], { rows, watermark }: TokenScan): Finding {
  const rotated = Number(checkpoints.reduce((sum, { rowsRotated }) => sum + rowsRotated, 0n));
  const check = 'rows';
  const facts = `${countOf(rotated, 'row')} rotated, ${countOf(rows, 'row')} there now${scope === null ? '' : ' in scope'} up to key ${watermark}`;
  if (rows === rotated) return { check, level: 'ok', message: `${facts}.` };
  if (rows === 0) {
    return {
      check,
      level: 'warning',
      message: `${facts}: all of them are gone.`,
      advice: 'Is this the right database, and were they deleted since?',
    };
  }
  if (rows < rotated) {
    return { check, level: 'ok', message: `${facts}: ${countOf(rotated - rows, 'row')} deleted since.` };
  }
  return {
    check,
    level: 'warning',
    message: `${facts}: ${countOf(rows - rotated, 'row')} came later, or were never covered.`,
    advice:
      'Their tokens are fresh if the application has made them, but leaked if the rows are from a backup. ' +
      'Look the leaked tokens up, with verify --leaked.',
  };
}
