import type { Finding } from '../../src/index.ts';

const MARKS = { ok: 'ok', warning: 'warning', stop: 'STOP' };

/**
 * What checks have found, a line each.
 *
 * @param showsAll otherwise those that are ok are only counted
 */
export function describeFindings(findings: readonly Finding[], showsAll: boolean): string[] {
  const shown = findings.filter(({ level }) => showsAll || level !== 'ok');
  const ok = findings.filter(({ level }) => level === 'ok').length;
  return [
    `preflight: ${ok} of ${findings.length} checks are ok${shown.length > 0 ? ':' : ''}`,
    ...shown.map(describeFinding),
  ];
}

/** `  warning  triggers: tickets_audit runs for each row. Drop it, or …` */
export function describeFinding({ check, level, message, advice }: Finding): string {
  return `  ${MARKS[level].padEnd(7)}  ${check}: ${message}${advice ? ` ${advice}` : ''}`;
}
