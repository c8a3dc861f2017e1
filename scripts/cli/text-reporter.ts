import { describeError, type RotationEvent, type RotationResult } from '../../src/index.ts';
import { formatCount, formatDuration, formatTime, formatTotal } from './format.ts';
import { type ProgressDisplay, showProgress } from './progress-display.ts';
import type { Reporter } from './reporter.ts';

/** For people: a bar on a terminal, lines in a log. What went wrong goes to stderr. */
export function textReporter(rotation: string, stdout: NodeJS.WritableStream, stderr: NodeJS.WritableStream): Reporter {
  let display: ProgressDisplay | undefined;
  const say = (line: string) => (display ? display.say(line) : stdout.write(`${line}\n`));
  return {
    begin: ({ database }) => say(`rotating tickets.token in ${database}, rotation '${rotation}'`),
    event(event) {
      if (event.type === 'batch') display?.add(event.rows);
      else say(describeEvent(rotation, event));
      if (event.type === 'started') display = showProgress(rotation, event, stdout);
    },
    stopping: (signal) =>
      say(`${signal}: finishing the batch in flight. A second one stops at once, also without harm.`),
    end(result) {
      const last = display?.stop();
      display = undefined;
      say(describeResult(rotation, result));
      if (last && last.rowsThisRun > 0) {
        const perSecond = last.rowsThisRun / (last.elapsedMs / 1000);
        say(
          `this run: ${formatCount(last.rowsThisRun)} rows in ${formatDuration(last.elapsedMs)}, ${formatCount(perSecond)} rows/s`,
        );
      }
    },
    fail(error) {
      display?.stop();
      stderr.write(`rotate-tokens: ${describeError(error)}\n`);
    },
  };
}

function describeEvent(rotation: string, event: Exclude<RotationEvent, { type: 'batch' }>): string {
  if (event.type === 'waiting') {
    return `'${rotation}' is claimed by ${event.holder ?? 'another process'}; waiting a few seconds to see whether that is alive`;
  }
  return event.resumed
    ? `resuming '${rotation}' at ${formatCount(event.rowsDone)} of ${formatTotal(event)}`
    : `starting '${rotation}': ${formatTotal(event)} tokens to replace`;
}

function describeResult(rotation: string, result: RotationResult): string {
  switch (result.outcome) {
    case 'empty':
      return 'tickets has no rows: there is nothing to rotate, and nothing was recorded.';
    case 'interrupted':
      return `stopped at ${formatCount(result.rowsDone)} of ${formatTotal(result)}; all of it is saved. The same command continues from here.`;
    case 'complete': {
      const facts = `${formatCount(result.rowsDone)} tokens replaced, every row up to key ${result.watermark}`;
      return result.alreadyComplete
        ? `'${rotation}' was completed at ${formatTime(result.completedAt)} (${facts}). Nothing to do; another --name starts a new rotation.`
        : `'${rotation}' is complete: ${facts}.`;
    }
  }
}
