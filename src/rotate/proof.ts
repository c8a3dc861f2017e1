import { checkRecorder } from '../checkpoint/checks.ts';
import { condemnedTokensOf } from '../checkpoint/condemned-tokens.ts';
import { loadRecorded, type RecordedRotation } from '../checkpoint/coverage.ts';
import { recordVerification, rotationDeleted } from '../checkpoint/rotation-record.ts';
import { storeOf } from '../checkpoint/store.ts';
import type { PlannedContext, RotationContext } from '../context.ts';
import { retry } from '../database/retry.ts';
import { NotVerifiedError } from '../errors/errors.ts';
import { CONDEMNED_TOKENS, type Finding } from '../finding.ts';
import { forgetCondemnedTokens } from '../plan/condemn.ts';
import { formatTime } from '../text/format.ts';
import { checkCoverage, findingsOf, verifyRotation } from '../verify/verify.ts';
import { rotateSurvivors } from './survivors.ts';

/**
 * Proves that the rotation is complete: looks at every row, and rotates those that still hold a condemned token.
 *
 * @param untilAllowed waits while nothing may be written
 * @returns the time when verification passed
 * @throws NotVerifiedError when a condemned token is left, or when that is not certain
 */
export async function assertVerified(
  context: RotationContext,
  recorded: RecordedRotation,
  untilAllowed?: PlannedContext['untilAllowed'],
): Promise<Date> {
  const { settings, onEvent } = context;
  const store = storeOf(context);
  onEvent({ type: 'verifying' });
  const findings = await verifyOrRotateSurvivors({ ...context, ...(untilAllowed && { untilAllowed }) }, recorded);
  onEvent({ type: 'verified', findings });
  const recording = retry(context, checkRecorder(store, { findings, list: null }));
  const faults = findings.filter(({ level }) => level === 'stop');
  if (faults.length > 0) {
    await recording.catch(() => {}); // what was found is more important
    throw new NotVerifiedError(settings.name, faults);
  }
  await recording;
  const verifiedAt = await retry(context, () => recordVerification(store));
  if (!settings.keepCondemned) await retry(context, () => forgetCondemnedTokens(store));
  return verifiedAt;
}

async function verifyOrRotateSurvivors(
  context: Omit<PlannedContext, 'condemned'>,
  recorded: RecordedRotation,
): Promise<Finding[]> {
  const { target } = context;
  const condemned = condemnedTokensOf(recorded.rotation);
  const { watermark } = recorded.rotation;
  if (context.only !== undefined) return (await import('./listed.ts')).verifyListed(context, context.only, recorded);
  if (condemned === null || watermark === null) return verifyRotation(context);
  const coverage = await checkCoverage(context, recorded);
  if (coverage.level === 'stop') return [coverage];
  const { scan, faults } = await rotateSurvivors({ ...context, condemned } satisfies PlannedContext, watermark);
  const now = await retry(context, () => loadRecorded(storeOf(context), target));
  if (now === null) throw rotationDeleted(context.settings.name);
  if (now.rotation.verifiedAt !== null) return [verifiedByAnother(now.rotation.verifiedAt)];
  return [coverage, ...(await findingsOf(context, now, scan, faults))];
}

/** The other process may have removed the hashes before this one looked for them. */
function verifiedByAnother(verifiedAt: Date): Finding {
  return {
    check: CONDEMNED_TOKENS,
    level: 'ok',
    message: `Another process has verified the rotation at ${formatTime(verifiedAt)}.`,
  };
}
