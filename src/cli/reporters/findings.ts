import type { Finding } from '../../finding.ts';

/** Only what needs attention is in capitals. */
const MARKS: Record<Finding['level'], string> = { ok: 'ok', warning: 'warning', stop: 'STOP' };
const MARK_WIDTH = 'warning  '.length;

/**
 * Formats findings, one line each.
 *
 * @param title name of the checks, such as `preflight`
 * @param showsAll false to only count those that are ok
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
