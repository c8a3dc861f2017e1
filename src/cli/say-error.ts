import { describeError } from '../errors/describe-error.ts';
import { printable } from '../text/printable.ts';

/** Says on stderr what went wrong. @param what said before it */
export function sayError(error: unknown, what = ''): void {
  process.stderr.write(`rotate-tokens: ${what}${printable(describeError(error))}\n`);
}
