import { constants } from 'node:os';
import { faultKind } from '../errors/faults.ts';
import { RotationError } from '../errors/rotation-error.ts';

/** Meanings of the command's exit codes, stated once: `--help` and README print them. */
export const EXIT_CODES = {
  0: 'done, or already done',
  1: 'failed; what was committed is saved, and the same command continues',
  2: 'bad arguments or configuration (options, DATABASE_URL, schema, privileges)',
  3: 'another process is running this rotation; nothing was changed',
  4: 'a leaked token still works, or it is not certain that all were replaced',
  '129, 130, 143': 'interrupted by SIGHUP, SIGINT (Ctrl-C), SIGTERM; the same command continues',
};

/** Formats the exit codes for the end of `--help`. */
export function exitCodesHelp(): string {
  const lines = Object.entries(EXIT_CODES).map(([code, meaning]) => `  ${code.padEnd(15)}${meaning}`);
  return ['Exit codes:', ...lines].join('\n');
}

/** A leaked token survives, or may survive. */
export const NOT_VERIFIED = 4;

/** @returns the error's own exit code, or that of the fault below it */
export function exitCodeOfError(error: unknown): number {
  if (error instanceof RotationError) return error.exitCode;
  return faultKind(error) === 'misconfigured' ? 2 : 1;
}

/** The worst first: a token that still works outweighs a failure, and that what is only in the way. */
const BY_SEVERITY = [NOT_VERIFIED, 1, 2, 3];

/** @returns one exit code for several ends */
export function worstExitCode(codes: readonly number[]): number {
  return BY_SEVERITY.find((code) => codes.includes(code)) ?? Math.max(0, ...codes);
}

/** @returns 128 and the signal's number, as shells do */
export function exitCodeOfSignal(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}
