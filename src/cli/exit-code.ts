import { constants } from 'node:os';
import { ConfigurationError, HeldByAnotherProcessError, NotVerifiedError } from '../errors/errors.ts';
import { faultKind } from '../errors/faults.ts';

/** What the command's exit codes mean: the one place where they are stated. `--help` and README print this. */
export const EXIT_CODES = {
  0: 'done, or already done',
  1: 'failed; what was committed is saved, and the same command continues',
  2: 'bad arguments or configuration (options, DATABASE_URL, schema, privileges)',
  3: 'another process is running this rotation; nothing was changed',
  4: 'a leaked token still works, or it is not certain that all were replaced',
  '129, 130, 143': 'interrupted by SIGHUP, SIGINT (Ctrl-C), SIGTERM; the same command continues',
};

/** The same for the end of `--help`. */
export function exitCodesHelp(): string {
  const lines = Object.entries(EXIT_CODES).map(([code, meaning]) => `  ${code.padEnd(15)}${meaning}`);
  return ['Exit codes:', ...lines].join('\n');
}

/** Somewhere a leaked token survives, or may survive. */
export const NOT_VERIFIED = 4;

export function exitCodeOfError(error: unknown): number {
  if (error instanceof ConfigurationError || faultKind(error) === 'misconfigured') return 2;
  if (error instanceof NotVerifiedError) return NOT_VERIFIED;
  return error instanceof HeldByAnotherProcessError ? 3 : 1;
}

/** 128 and the signal's number, as shells do it. */
export function exitCodeOfSignal(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}
