import { describeError } from '../../errors/describe-error.ts';
import { RowsNotRotatedError } from '../../errors/errors.ts';
import { type Progress, recordBatch, recordTotal, startProgress, takeSnapshot } from '../../report/progress.ts';
import { every } from '../every.ts';
import { exitCodeOfError } from '../exit-code.ts';
import type { WriteEvent } from '../json-lines.ts';
import type { Reporter } from './reporter.ts';

/** Interval of progress events, in milliseconds. */
const PROGRESS_INTERVAL_MS = 1_000;

/**
 * For machines: one object for each event.
 *
 * @param write prints it as JSON, or hands it to the project's own code
 */
export function jsonReporter(write: WriteEvent): Reporter {
  let progress: Progress | undefined;
  let timer: NodeJS.Timeout | undefined;
  const isDue = every(PROGRESS_INTERVAL_MS);
  let heldBackBy: string | null = null;
  const writeProgress = () => {
    if (progress) write('progress', { ...rounded(takeSnapshot(progress, performance.now())), heldBackBy });
    heldBackBy = null;
  };
  const stopProgress = () => {
    clearInterval(timer);
    writeProgress();
    progress = undefined;
  };
  return {
    begin: ({ target, database, list }) => write('begin', { target: target.label, database, list }),
    event(event) {
      if (event.type === 'batch') {
        if (progress) progress = recordBatch(progress, event.rows, performance.now());
        return;
      }
      if (event.type === 'total') {
        if (progress) progress = recordTotal(progress, event.rowsDone, performance.now());
        return;
      }
      if (event.type === 'throttled') {
        heldBackBy = event.detail;
        return;
      }
      if ((event.type === 'condemning' || event.type === 'checking') && !isDue()) return;
      if (event.type === 'verifying') stopProgress();
      const { type, ...facts } = event;
      write(type, facts);
      if (event.type === 'started') {
        progress = startProgress(event, performance.now());
        timer = setInterval(writeProgress, PROGRESS_INTERVAL_MS);
      }
    },
    stopping: (signal) => write('stopping', { signal }),
    stopped: () => write('stopped', {}),
    end(result) {
      stopProgress();
      const { outcome, ...facts } = result;
      write(outcome, 'counts' in facts ? { ...facts.counts } : facts);
    },
    rehearsed: (rehearsal) => write('dryRun', { rehearsal: rehearsal === 'listed' ? null : rehearsal }),
    fail(error) {
      clearInterval(timer);
      const rows = error instanceof RowsNotRotatedError ? { rows: error.rows } : {};
      write('failed', { exitCode: exitCodeOfError(error), message: describeError(error), ...rows });
    },
  };
}

/** Fractions of a row or of a millisecond only make the lines longer. */
function rounded(snapshot: ReturnType<typeof takeSnapshot>): object {
  return {
    ...snapshot,
    fraction: Number(snapshot.fraction.toFixed(4)),
    elapsedMs: Math.round(snapshot.elapsedMs),
    rowsPerSecond: Math.round(snapshot.rowsPerSecond),
  };
}
