import type { Target } from '../../config/target.ts';
import type { RotationEvent } from '../../context.ts';
import { describeError } from '../../errors/describe-error.ts';
import type { Finding } from '../../finding.ts';
import { formatCount, formatPercent, formatTime } from '../../text/format.ts';
import { printable } from '../../text/printable.ts';
import { shortened } from '../../text/wording.ts';
import type { LeakedTokens } from '../../verify/survivors.ts';
import { every } from '../every.ts';
import { exitCodeOfError, NOT_VERIFIED } from '../exit-code.ts';
import { jsonLines } from '../json-lines.ts';
import { colored } from './color.ts';
import { describeFinding } from './findings.ts';
import { LINE_INTERVAL_MS } from './progress-display.ts';
import { retryLines } from './retry-text.ts';

/** Interval of progress events, in milliseconds. */
const JSON_INTERVAL_MS = 1_000;

/** Tells a person or a machine what a verification finds. */
export interface VerifyReporter {
  begin(target: Target, database: string): void;
  event(event: RotationEvent): void;
  /** Number of leaked tokens looked up so far, and number of rows that still have one of them. */
  progress(checked: number, survivors: number): void;
  finding(finding: Finding): void;
  stopping(signal: NodeJS.Signals): void;
  interrupted(): void;
  /** @param leaked undefined when there was no list */
  end(isVerified: boolean, leaked: LeakedTokens | undefined): void;
  fail(error: unknown): void;
}

/** For machines: one JSON object a line, nothing else on this stream. */
export function jsonVerifyReporter(rotation: string | null, stdout: NodeJS.WritableStream): VerifyReporter {
  const write = jsonLines(rotation, stdout);
  const isDue = every(JSON_INTERVAL_MS);
  return {
    begin: (target, database) => write('begin', { target: target.label, database }),
    event: ({ type, ...facts }) => (type !== 'checking' || isDue()) && write(type, facts),
    progress: (checked, survivors) => isDue() && write('progress', { checked, survivors }),
    finding: (finding) => write('finding', finding),
    stopping: (signal) => write('stopping', { signal }),
    interrupted: () => write('interrupted', {}),
    end: (isVerified, leaked) =>
      isVerified
        ? write('verified', { leaked })
        : write('failed', { exitCode: NOT_VERIFIED, message: NOT_VERIFIED_MESSAGE, leaked }),
    fail: (error) => write('failed', { exitCode: exitCodeOfError(error), message: describeError(error) }),
  };
}

/** For people. What went wrong goes to stderr. */
export function textVerifyReporter(
  rotation: string,
  stdout: NodeJS.WritableStream,
  stderr: NodeJS.WritableStream,
): VerifyReporter {
  const say = (line: string) => stdout.write(`${colored(printable(line), stdout)}\n`);
  const isDue = every(LINE_INTERVAL_MS);
  const retries = retryLines();
  let warnings = 0;
  return {
    begin: (target, database) => say(`verifying rotation '${rotation}' of ${shortened(target.label)} in ${database}`),
    event(event) {
      if (event.type === 'retry') {
        const line = retries.lineFor(event);
        if (line !== undefined) say(line);
      }
      if (event.type === 'checking' && isDue()) {
        say(`${formatTime(new Date())} ${formatPercent(event.blocksDone / event.blocksTotal)} of the table scanned`);
      }
    },
    progress(checked, survivors) {
      if (!isDue()) return;
      const facts = `${formatCount(checked)} leaked tokens looked up, ${formatCount(survivors)} rows still have one`;
      say(`${formatTime(new Date())} ${facts}`);
    },
    finding(finding) {
      say(describeFinding(finding));
      if (finding.level === 'warning') warnings += 1;
    },
    stopping: (signal) => say(`${signal}: stopping after the current queries. Nothing is being changed.`),
    interrupted: () => say('stopped before all checks were done.'),
    end(isVerified) {
      retries.counted().forEach(say);
      if (isVerified) say(warnings === 0 ? 'verified.' : 'verified, with warnings.');
      else stderr.write(`rotate-tokens: ${NOT_VERIFIED_MESSAGE}\n`);
    },
    fail: (error) => stderr.write(`rotate-tokens: ${printable(describeError(error))}\n`),
  };
}

const NOT_VERIFIED_MESSAGE = 'not verified: see the checks marked STOP.';
