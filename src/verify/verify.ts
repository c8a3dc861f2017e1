import { type Checkpoint, isSwept, rowsSetAside } from '../checkpoint/checkpoints.ts';
import { condemnedTokensOf } from '../checkpoint/condemned-tokens.ts';
import { coverageFault, loadRecorded, type RecordedRotation, UNTRUSTED_ADVICE } from '../checkpoint/coverage.ts';
import { loadRotations } from '../checkpoint/rotation-record.ts';
import { readStatus } from '../checkpoint/status.ts';
import { storeOf } from '../checkpoint/store.ts';
import type { Target } from '../config/target.ts';
import type { RotationContext } from '../context.ts';
import { retry } from '../database/retry.ts';
import { ownSession } from '../database/session.ts';
import { ConfigurationError } from '../errors/errors.ts';
import { CONDEMNED_TOKENS, type Finding } from '../finding.ts';
import { assertVisible } from '../preflight/preflight.ts';
import { formatCount } from '../text/format.ts';
import { countOf, listed } from '../text/wording.ts';
import { condemnedFinding, findCauses, type SurvivorFaults } from './condemned.ts';
import { findOldTokens, graceFinding } from './grace-period.ts';
import type { RotationState } from './leaked-finding.ts';
import { scanTable, type TableScan } from './scan.ts';
import { findUniqueness, shapeFinding } from './shape.ts';

/**
 * Checks that a rotation has left no leaked token valid. It changes nothing, and looks at every row of the table as it
 * is at one moment, in short statements.
 *
 * - `coverage`: the partitions cover everything up to the watermark, and all of them are complete; otherwise there is
 *   nothing else to look at yet
 * - `condemned-tokens`: no token that was valid when the rotation began is in the table, under whatever key
 * - `rows`: as many rows were rotated as there are, but for those deleted or inserted since
 * - `shape`: up to the watermark every row in scope has a token of the target's kind, and no two have the same
 *
 * @param context its settings' name says which rotation
 * @returns these four, in this order; and `grace-period`, if the target keeps old tokens for a while
 * @throws ConfigurationError when no rotation of that name is recorded, it is of another target, or this user does not
 *   see every row
 * @throws GaveUpError when a fault did not pass in time
 * @throws AbortError when the signal was aborted
 */
export async function verifyRotation(given: RotationContext): Promise<Finding[]> {
  const context = { ...given, database: ownSession(given.database) };
  const recorded = await retry(context, () => loadRecorded(storeOf(context), context.target));
  if (recorded === null) throw new ConfigurationError(await notRecorded(context));
  const coverage = await checkCoverage(context, recorded);
  const { watermark } = recorded.rotation;
  if (coverage.level === 'stop' || watermark === null) return [coverage];
  if (recorded.rotation.listSha256 !== null) return [coverage, onlyListedFinding(recorded.rotation.listSha256)];
  const scan = await scanTable(context, watermark, condemnedTokensOf(recorded.rotation));
  return [coverage, ...(await findingsOf(context, recorded, scan))];
}

/** The check of this name alone: it looks at no row. */
export async function checkCoverage(context: RotationContext, recorded: RecordedRotation): Promise<Finding> {
  const { database, target } = context;
  await assertVisible(context);
  if (recorded.rotation.plannedAt === null) return NOT_PLANNED;
  return coverageFinding(recorded, await retry(context, () => coverageFault(database, target, recorded)));
}

/**
 * Findings of a scan of the whole table about a rotation whose partitions are complete.
 *
 * @param faults reasons why survivors could not be rotated, if that was tried
 */
export async function findingsOf(
  context: RotationContext,
  { rotation, checkpoints }: RecordedRotation,
  scan: TableScan,
  faults?: SurvivorFaults,
): Promise<Finding[]> {
  const { target } = context;
  const causes = await findCauses(context, rotation);
  const uniqueness = await findUniqueness(context, scan);
  const old = await findOldTokens(context);
  return [
    condemnedFinding(target, rotation, scan.condemned, causes, faults),
    rowsFinding(target, checkpoints, scan),
    shapeFinding(target, scan, uniqueness),
    ...(old === null ? [] : [graceFinding(target, old)]),
  ];
}

/** The list itself is not kept. */
function onlyListedFinding(sha256: string): Finding {
  return {
    check: CONDEMNED_TOKENS,
    level: 'warning',
    message: `This rotation has replaced the tokens of a list alone (SHA-256 ${sha256}).`,
    advice: 'Look that list up with --leaked.',
  };
}

const NOT_PLANNED: Finding = {
  check: 'coverage',
  level: 'stop',
  message: 'The rotation is not complete. It has not rotated any rows yet.',
  advice: 'Run it again: it continues where it stopped.',
};

/** State of the rotation that the settings name, whatever its target. */
export async function rotationState(context: RotationContext): Promise<RotationState> {
  const { rotation: name, tables } = storeOf(context);
  const [rotation] = await retry(context, () => readStatus(ownSession(context.database), tables, name));
  if (rotation === undefined) return 'unrecorded';
  return rotation.state === 'complete' ? 'complete' : 'incomplete';
}

async function notRecorded(context: RotationContext): Promise<string> {
  const names = await rotationNames(context);
  const others = names.length === 0 ? 'nor any other' : `only ${listed(names.map((name) => `'${name}'`))}`;
  return `no rotation '${context.settings.name}' is recorded in this database, ${others}. (A rotation of an empty table is not recorded.)`;
}

function rotationNames(context: RotationContext): Promise<string[]> {
  const { database, target } = context;
  return retry(context, async () =>
    (await loadRotations(ownSession(database), target.records)).map(({ name }) => name).sort(),
  );
}

function coverageFinding({ rotation, checkpoints }: RecordedRotation, fault: string | undefined): Finding {
  const check = 'coverage';
  if (fault !== undefined) {
    return {
      check,
      level: 'stop',
      message: `rotation_checkpoints cannot be trusted: ${fault}.`,
      advice: UNTRUSTED_ADVICE,
    };
  }
  const left = [...openPartitions(checkpoints), ...clauseOfRowsSetAside(checkpoints)];
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
  const message = `${partitions} all keys up to ${rotation.watermark} without gap or overlap, and all are complete.`;
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
function clauseOfRowsSetAside(checkpoints: readonly Checkpoint[]): string[] {
  const rows = rowsSetAside(checkpoints);
  if (rows.length === 0) return [];
  const keys = rows.map(({ key, fault }) => `${key} (${fault})`);
  return [`${countOf(rows.length, 'row')} set aside, with the leaked token still in place, by key: ${listed(keys)}`];
}

function rowsFinding({ scope }: Target, checkpoints: readonly Checkpoint[], scan: TableScan): Finding {
  const { rows, watermark, condemned } = scan;
  const rotated = Number(checkpoints.reduce((sum, { rowsRotated }) => sum + rowsRotated, 0n));
  const check = 'rows';
  const facts = `${countOf(rotated, 'row')} rotated, ${countOf(rows, 'row')} exist now${scope === null ? '' : ' in scope'} up to key ${watermark}`;
  if (rows === rotated) return { check, level: 'ok', message: `${facts}.` };
  if (rows === 0) {
    return {
      check,
      level: 'warning',
      message: `${facts}. All of them are gone.`,
      advice: 'Check that this is the right database, and that the rows were deleted.',
    };
  }
  if (rows < rotated) {
    return { check, level: 'ok', message: `${facts}: ${countOf(rotated - rows, 'row')} deleted since.` };
  }
  const more = countOf(rows - rotated, 'row');
  if (condemned !== null && condemned.hashes === condemned.condemned) {
    // Looked at by their tokens: those that were condemned are survivors. The others came later, or have another token.
    const survivors = Math.min(condemned.inScope.count, rows - rotated);
    const fresh = formatCount(rows - rotated - survivors);
    return {
      check,
      level: 'ok',
      message: `${facts}: of the other ${more}, ${fresh} hold a token written since the start, ${formatCount(survivors)} a condemned one.`,
    };
  }
  return {
    check,
    level: 'warning',
    message: `${facts}: ${more} came later, or were never covered.`,
    advice:
      'Their tokens are fresh if the application made them, but leaked if the rows come from a backup. ' +
      'Look the leaked tokens up with verify --leaked.',
  };
}
