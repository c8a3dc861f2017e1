import { ConfigurationError, HeldByAnotherProcessError, NoAnswerError, RowsNotRotatedError } from '../errors/errors.ts';
import { faultKind } from '../errors/faults.ts';
import { formatCount, formatDuration, formatTime, formatTotal } from '../text/format.ts';
import { printable } from '../text/printable.ts';
import { countOf, listOf, sentence, shortened, wasOrWere } from '../text/wording.ts';
import type { Report } from './schema.ts';

type Facts = Omit<Report, 'summary'>;

/**
 * Summarizes a run for a reader who does not know this package: what was replaced and when, what is certain about the
 * rows, what was verified, and what is left to do, one line each.
 *
 * @param error the error of a run that failed
 */
export function summarise(facts: Facts, error: unknown): string {
  const lines = [
    describeOutcome(facts, error),
    describeTime(facts),
    describeRows(facts),
    describeTrouble(facts),
    describeVerification(facts),
    describeRest(facts, error),
  ];
  return lines
    .filter((line) => line !== '')
    .map(printable)
    .join('\n');
}

function describeOutcome(facts: Facts, cause: unknown): string {
  const { outcome, rotation, target, database, completedAt, rows, error } = facts;
  const what = `Rotation '${rotation}' of ${shortened(target)} in ${database}`;
  switch (outcome) {
    case 'complete':
      return hasProblem(facts)
        ? `${what} finished, but verification failed.`
        : `${what} is complete: each of its tokens was replaced by a fresh random one.`;
    case 'already-complete': {
      const when = completedAt === null ? '' : ` (on ${formatTime(completedAt)})`;
      return `${what} was completed by an earlier run${when}. This run changed nothing.`;
    }
    case 'empty':
      return `${shortened(target)} in ${database} has no rows, so there was no token to replace. Nothing was recorded.`;
    case 'interrupted':
      return `${what} was interrupted. It is NOT ${rows.doneIsExact ? '' : 'known to be '}complete.`;
    case 'failed':
      return describeFailure(what, error ?? '', cause);
  }
}

function describeFailure(what: string, error: string, cause: unknown): string {
  if (cause instanceof HeldByAnotherProcessError) {
    return `${what} was not continued by this run, since other processes are running it: ${error}`;
  }
  const known = cause instanceof RowsNotRotatedError ? '' : 'known to be ';
  return `${what} failed. It is NOT ${known}complete. The error: ${sentence(error)}`;
}

function describeTime({ by, rotationStartedAt, completedAt, startedAt, endedAt, tool }: Facts): string {
  const run = `${by.who} ran it from ${span(startedAt, endedAt)}, as database user ${by.databaseUser}, with ${tool.name} ${tool.version}.`;
  const hasEarlierRun = rotationStartedAt !== null && rotationStartedAt < startedAt && completedAt !== null;
  return hasEarlierRun ? `${run} The whole rotation took from ${span(rotationStartedAt, completedAt)}.` : run;
}

/** `2026-03-01 12:00:00 UTC to 2026-03-01 12:00:10 UTC (10 s)` */
function span(startedAt: string, endedAt: string): string {
  const [start, end] = [new Date(startedAt), new Date(endedAt)];
  return `${formatTime(start)} to ${formatTime(end)} (${formatDuration(end.getTime() - start.getTime())})`;
}

function describeRows({ outcome, rows, watermark, notRotated }: Facts): string {
  if (outcome === 'empty') return '';
  if (rows.done === null) return 'It ended before the rotation began, so this run changed no token.';
  if (outcome === 'complete' || outcome === 'already-complete') {
    const shares = outcome === 'complete' ? `: ${describeShares(rows)}` : '';
    return (
      `${countOf(rows.done, 'row')} up to key ${watermark} ${wasOrWere(rows.done)} each rotated exactly once${shares}. ` +
      'Every batch was committed in one transaction with its checkpoint. ' +
      'Rows with higher keys were left unchanged, unless they held a condemned token.'
    );
  }
  const done = `${rows.doneIsExact ? '' : 'At least '}${countOf(rows.done, 'row')}`;
  const rowsTotal = rows.total ?? 0;
  const total = rowsTotal > rows.done ? ` of ${formatTotal({ ...rows, rowsTotal })}` : '';
  const kept = `${done}${total} ${rows.done === 1 ? 'has' : 'have'} been rotated, each exactly once: ${describeShares(rows)}.`;
  return notRotated.count > 0 ? kept : `${kept} ${describeLeaked(rows)}`;
}

/** Attributes the rows to this run only as far as it knows them to be its own. */
function describeShares({ done, before, thisRun }: Facts['rows']): string {
  const earlier = before ?? 0;
  const others = Math.max(0, (done ?? 0) - earlier - thisRun);
  if (earlier === 0 && others === 0) return 'all by this run';
  const shares = [
    earlier > 0 ? `${formatCount(earlier)} before this run` : '',
    `${formatCount(thisRun)} by this run`,
    others > 0
      ? `${formatCount(others)} by other processes at the same time, or in batches whose confirmation was lost but that were found committed`
      : '',
  ];
  return shares.filter((share) => share !== '').join(', ');
}

function describeLeaked({ done, total }: Facts['rows']): string {
  const left = Math.max(0, (total ?? 0) - (done ?? 0));
  return left > 0
    ? `About ${formatCount(left)} still have their leaked token, which still works.`
    : 'It is unknown whether a leaked token is left.';
}

function describeTrouble({ outcome, retries, rowsSetAside, partitions, throttledMs }: Facts): string {
  const throttled = Object.values(throttledMs).reduce((sum, waitMs) => sum + waitMs, 0);
  const locked = `${countOf(rowsSetAside, 'locked or refused row')} ${wasOrWere(rowsSetAside)}`;
  const facts = [
    retries > 0 ? `${countOf(retries, 'fault')} ${wasOrWere(retries)} retried` : '',
    rowsSetAside > 0 ? `${locked} ${outcome === 'complete' ? 'rotated last' : 'set aside'}` : '',
    partitions.overtaken > 0 ? `${countOf(partitions.overtaken, 'partition')} went to another process` : '',
    throttled > 0 ? `the workers paused for ${formatDuration(throttled)} in total` : '',
  ].filter((fact) => fact !== '');
  return facts.length === 0 ? '' : `During the run, ${listOf(facts)}.`;
}

function describeVerification({ verification, verifiedAt }: Facts): string {
  const messages = (level: string) =>
    verification.filter((finding) => finding.level === level).map(({ message }) => sentence(message));
  const [passed, warnings, stops] = [messages('ok'), messages('warning'), messages('stop')];
  if (verification.length === 0) {
    return verifiedAt === null ? '' : `The result was verified on ${formatTime(verifiedAt)}.`;
  }
  return [
    stops.length > 0
      ? `THE VERIFICATION FOUND ${formatCount(stops.length)} PROBLEM${stops.length === 1 ? '' : 'S'}: ${stops.join(' ')}`
      : '',
    warnings.length > 0 ? `Verification warned: ${warnings.join(' ')}` : '',
    passed.length > 0 ? `Verified: ${passed.join(' ')}` : '',
  ]
    .filter((part) => part !== '')
    .join(' ');
}

function describeRest(facts: Facts, error: unknown): string {
  if (facts.outcome === 'empty') return 'Nothing is left to do.';
  return isDone(facts.outcome) ? describeFollowUp(facts) : describeContinuation(facts, error);
}

function describeFollowUp(facts: Facts): string {
  const advice = facts.verification.flatMap((finding) => (finding.level === 'ok' ? [] : (finding.advice ?? [])));
  if (advice.length > 0) return `To do: ${advice.map(sentence).join(' ')}`;
  if (hasProblem(facts)) return 'To do: look into the findings of verification.';
  return 'Nothing is left to do for this rotation.';
}

function describeContinuation({ rotation, notRotated }: Facts, error: unknown): string {
  const again = `run the same command again (--name ${rotation})`;
  const untilThen = 'Until it is complete, treat every token that was not replaced as compromised.';
  if (error instanceof HeldByAnotherProcessError) {
    return `To do: wait for the other processes, then ${again} to confirm that the rotation is complete.`;
  }
  if (error instanceof RowsNotRotatedError) {
    const rows = `${countOf(notRotated.count, 'row')} still ${notRotated.count === 1 ? 'has its' : 'have their'} leaked token`;
    return `To do: ${rows}. Find out what locks or refuses them, then ${again}; it retries just these.`;
  }
  const isToBeCorrected = error instanceof ConfigurationError || error instanceof NoAnswerError;
  if (isToBeCorrected || (error !== undefined && faultKind(error) === 'misconfigured')) {
    return `To do: correct the error, then ${again}. ${untilThen}`;
  }
  return `To do: ${again}. It continues after the last committed batch and rotates no row twice. ${untilThen}`;
}

/** @returns true if the result cannot be trusted, whatever the outcome */
export function hasProblem({ verification }: Pick<Facts, 'verification'>): boolean {
  return verification.some(({ level }) => level === 'stop');
}

function isDone(outcome: Facts['outcome']): boolean {
  return outcome === 'complete' || outcome === 'already-complete';
}
