import { CONDEMNED_TOKENS, LEAKED_LIST } from '../finding.ts';
import { formatCount, formatDuration, formatTime, formatTotal } from '../text/format.ts';
import { printable } from '../text/printable.ts';
import { countOf, listOf, sentence, shortened, wasOrWere } from '../text/wording.ts';
import type { MissingRotation, ReportedRotation } from './rotation-schema.ts';

type ReportedCheck = ReportedRotation['checks'][number];
type Finding = ReportedCheck['findings'][number];

/** Summarizes a rotation for a reader who does not know this package, one line each. */
export function summariseRotation(rotation: ReportedRotation): string {
  const lines = [
    describeState(rotation),
    describeTime(rotation),
    describeList(rotation),
    ...describeChecks(rotation),
    describeRest(rotation),
  ];
  return lines
    .filter((line) => line !== '')
    .map(printable)
    .join('\n');
}

/** Summarizes a rotation of which nothing is known. */
export function summariseMissing({ rotation, why }: MissingRotation): string {
  const known =
    why === 'not begun'
      ? 'has NOT begun: nothing of it is recorded. Its tokens are as they were.'
      : 'is NOT known: its database could not be read.';
  return printable(`Rotation '${rotation}' ${known} To do: run the same command again.`);
}

/** How a rotation stands. Of one that is complete, a finding that says stop outweighs the rest. */
export type Standing = 'problem' | 'verified' | 'unverified' | 'incomplete';

export function standingOf(rotation: ReportedRotation): Standing {
  if (rotation.state !== 'complete') return 'incomplete';
  if (latestFindings(rotation).some(({ level }) => level === 'stop')) return 'problem';
  return rotation.verifiedAt === null ? 'unverified' : 'verified';
}

/**
 * What the last verification found, and what the last look-up did. That of another list counts, too, if rows had a token of
 * it; not if it was the wrong list.
 */
export function latestFindings({ checks }: ReportedRotation): ReportedCheck['findings'] {
  const [last] = checks;
  const ofLists = lookUps(checks)
    .filter(({ check }, index) => index === 0 || check.rowsFound !== 0)
    .map(({ finding }) => finding);
  return [...(last?.findings ?? []).filter(({ check }) => check !== LEAKED_LIST), ...ofLists];
}

/** The last look-up of each list. */
function lookUps(checks: readonly ReportedCheck[]) {
  const found = new Map<string, { check: ReportedCheck; finding: ReportedCheck['findings'][number] }>();
  for (const check of checks) {
    const finding = check.findings.find((each) => each.check === LEAKED_LIST);
    const list = check.listSha256;
    if (finding !== undefined && list !== null && !found.has(list)) found.set(list, { check, finding });
  }
  return [...found.values()];
}

function describeState(rotation: ReportedRotation): string {
  const { rows, state } = rotation;
  const what = `Rotation '${rotation.rotation}' of ${shortened(rotation.target)} in ${rotation.database}`;
  const done = `${countOf(rows.done, 'row')} ${wasOrWere(rows.done)} rotated, each exactly once`;
  switch (standingOf(rotation)) {
    case 'verified':
      return `${what} is complete and verified: ${done}.`;
    case 'unverified':
      return `${what} is complete, but NOT verified: ${done}.`;
    case 'problem':
      return `${what} is complete, but VERIFICATION FOUND A PROBLEM: ${done}.`;
    case 'incomplete': {
      const total = formatTotal({ rowsTotal: rows.total, totalIsEstimate: rows.totalIsEstimate });
      return `${what} is NOT complete (${state}): ${formatCount(rows.done)} of ${total} rows were rotated, each exactly once.`;
    }
  }
}

function describeTime({ startedAt, completedAt, runs }: ReportedRotation): string {
  const began = `It began ${formatTime(startedAt)}`;
  const took = completedAt === null ? 0 : Date.parse(completedAt) - Date.parse(startedAt);
  const end = completedAt === null ? '' : ` and was complete ${formatTime(completedAt)}, ${formatDuration(took)} later`;
  const [hosts, users] = [runs.map(({ host }) => host), runs.map(({ databaseUser }) => databaseUser)].map(distinct);
  if (runs.length === 0) return `${began}${end}.`;
  return `${began}${end}. ${countOf(runs.length, 'process', 'processes')} worked on it, on ${listOf(hosts ?? [])}, as database user ${listOf(users ?? [])}.`;
}

function describeList({ listSha256 }: ReportedRotation): string {
  return listSha256 === null ? '' : `It replaced only tokens of the list with SHA-256 ${listSha256}.`;
}

function describeChecks({ checks }: ReportedRotation): string[] {
  const [last] = checks;
  const ofLists = lookUps(checks).map(
    ({ check, finding }) =>
      `On ${formatTime(check.at)}, ${check.by} looked up the list with SHA-256 ${check.listSha256}: ${sentence(finding.message)}`,
  );
  if (last === undefined) return ['It was never verified.', ...ofLists];
  const found = last.findings.filter(({ check }) => check !== LEAKED_LIST);
  const messages = (level: string) =>
    found.filter((each) => each.level === level).map((each) => sentence(each.message));
  const parts = [
    ['STOP:', messages('stop')],
    ['Warned:', messages('warning')],
    ['Verified:', messages('ok')],
  ] as const;
  const said = parts.filter(([, texts]) => texts.length > 0).map(([word, texts]) => `${word} ${texts.join(' ')}`);
  return [`On ${formatTime(last.at)}, ${last.by} checked it. ${said.join(' ')}`, ...ofLists];
}

function describeRest(rotation: ReportedRotation): string {
  const [lookUp] = lookUps(rotation.checks);
  const isOpen = ({ check, level }: Finding) =>
    level === 'stop' || check !== CONDEMNED_TOKENS || lookUp?.finding.level !== 'ok'; // it advises to look a list up
  const advice = latestFindings(rotation).flatMap((finding) => (isOpen(finding) ? (finding.advice ?? []) : []));
  if (standingOf(rotation) === 'incomplete') {
    return `To do: run the same command again (--name ${rotation.rotation}). Until it is complete, treat every token that was not replaced as compromised.`;
  }
  if (advice.length > 0) return `To do: ${advice.map(sentence).join(' ')}`;
  return standingOf(rotation) === 'verified'
    ? 'Nothing is left to do for this rotation.'
    : `To do: run the same command again (--name ${rotation.rotation}): it verifies the result.`;
}

function distinct(texts: string[]): string[] {
  return [...new Set(texts)].sort();
}
