import type { Finding } from '../finding.ts';

/** A finding that does not yet say which check it is of. */
export type Verdict = Omit<Finding, 'check'>;

export function ok(message: string): Verdict {
  return { level: 'ok', message };
}

export function warning(message: string, advice: string): Verdict {
  return { level: 'warning', message, advice };
}

export function stop(message: string, advice: string): Verdict {
  return { level: 'stop', message, advice };
}
