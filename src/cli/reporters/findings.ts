import type { Finding } from '../../finding.ts';

/** What catches the eye is what has to. */
const MARKS: Record<Finding['level'], string> = { ok: 'ok', warning: 'warning', stop: 'STOP' };
const MARK_WIDTH = 'warning  '.length;

/**
 * What checks have found, a line each.
 *
 * @param title what they were: `preflight`
 * @param showsAll otherwise those that are ok are only counted
 */
export function describeFindings(title: string, findings: readonly Finding[], showsAll: boolean): string[] {
  const shown = findings.filter(({ level }) => showsAll || level !== 'ok');
  const ok = findings.filter(({ level }) => level === 'ok').length;
  return [
    `${title}: ${ok} of ${findings.length} checks are ok${shown.length > 0 ? ':' : ''}`,
    ...shown.map((finding) => `  ${describeFinding(finding)}`),
  ];
}

/** `warning  triggers: tickets_audit runs for each row. Drop it, or …` */
export function describeFinding({ check, level, message, advice }: Finding): string {
  return `${MARKS[level].padEnd(MARK_WIDTH)}${check}: ${message}${advice === undefined ? '' : ` ${advice}`}`;
}
