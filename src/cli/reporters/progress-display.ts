import type { WriteStream } from 'node:tty';
import ProgressBar from 'progress';
import {
  type Progress,
  type ProgressSnapshot,
  recordBatch,
  recordTotal,
  startProgress,
  takeSnapshot,
} from '../../report/progress.ts';
import { formatClock, formatCount, formatPercent, formatTime, formatTotal } from '../../text/format.ts';
import { printable } from '../../text/printable.ts';

/** Interval of redrawing a bar, in milliseconds: often enough that its clock ticks evenly. */
const BAR_INTERVAL_MS = 200;

/** Interval of progress lines without a terminal, in milliseconds. */
export const LINE_INTERVAL_MS = 5_000;

/** Time for which the reason of a wait stays visible after it, in milliseconds. Short waits would only flicker. */
const WAIT_SHOWN_MS = 1_000;

/** Steps of the bar; the numbers beside it are exact. */
const BAR_STEPS = 1_000;

const SEPARATOR = ' · ';

/** Columns at the most. */
const MAX_TITLE = 24;
const MAX_BAR_WIDTH = 30;
const MIN_BAR_WIDTH = 10;

/** Shows how far something is until it is stopped, and prints other lines without tearing the display. */
export interface ProgressDisplay {
  add(rows: number): void;
  /** Sets the total that all processes have done. */
  setTotalDone(rows: number): void;
  /** Shows the reason of a wait for as long as it lasts. */
  setWait(reason: string, ms: number): void;
  say(line: string): void;
  /** @returns where it ended */
  stop(): ProgressSnapshot;
}

type Start = Parameters<typeof startProgress>[0];

/**
 * A bar that stays in place on a terminal, a plain line every few seconds elsewhere (CI logs, files, pipes).
 *
 * @param label what is in progress
 * @param start how far it is already
 */
export function showProgress(label: string, start: Start, stream: NodeJS.WritableStream): ProgressDisplay {
  const draw = isTerminal(stream) ? barOn(label, stream) : linesOn(label, stream);
  let progress: Progress = startProgress(start, performance.now());
  const snapshot = () => takeSnapshot(progress, performance.now());
  let wait = { reason: '', untilMs: Number.NEGATIVE_INFINITY };
  const waitingFor = () => (performance.now() < wait.untilMs + WAIT_SHOWN_MS ? wait.reason : undefined);
  const timer = setInterval(() => draw.show(snapshot(), waitingFor()), draw.intervalMs);
  return {
    add(rows) {
      progress = recordBatch(progress, rows, performance.now());
    },
    setTotalDone(rows) {
      progress = recordTotal(progress, rows, performance.now());
    },
    setWait(reason, ms) {
      wait = { reason: printable(reason), untilMs: performance.now() + ms };
    },
    say: draw.say,
    stop() {
      clearInterval(timer);
      const last = snapshot();
      draw.close(last);
      return last;
    },
  };
}

interface Drawing {
  intervalMs: number;
  show(snapshot: ProgressSnapshot, waitingFor?: string): void;
  say(line: string): void;
  close(last: ProgressSnapshot): void;
}

function barOn(label: string, stream: WriteStream): Drawing {
  const bar = new ProgressBar(':title [:bar] :facts', {
    total: BAR_STEPS,
    stream,
    renderThrottle: 0,
    complete: '█',
    incomplete: '░',
  });
  const show = (snapshot: ProgressSnapshot, waitingFor?: string) => {
    const { title, facts, barWidth } = fitLine(label, describeSnapshot(snapshot, waitingFor), stream.columns);
    Object.assign(bar, { width: barWidth }); // its types leave this property out
    // Its last step would end the bar; whether the rotation is complete is not the bar's to say. The title comes last,
    // so that what it contains is not taken for a placeholder.
    bar.update(Math.min(snapshot.fraction, 1 - 1 / BAR_STEPS), { facts, title });
  };
  return {
    intervalMs: BAR_INTERVAL_MS,
    show,
    say: (line) => bar.interrupt(line),
    close(last) {
      show(last);
      bar.terminate();
    },
  };
}

/** Makes a line fit, since one that wraps leaves pieces of itself behind: the bar shrinks, then the last facts go. */
function fitLine(label: string, facts: string[], columns: number) {
  const title = label.length > MAX_TITLE ? `${label.slice(0, MAX_TITLE - 1)}…` : label;
  const room = columns - `${title} [] `.length - 1;
  const kept = facts.filter((_, index) => facts.slice(0, index + 1).join(SEPARATOR).length <= room - MIN_BAR_WIDTH);
  const text = kept.join(SEPARATOR);
  return { title, facts: text, barWidth: Math.max(0, Math.min(MAX_BAR_WIDTH, room - text.length)) };
}

function linesOn(label: string, stream: NodeJS.WritableStream): Drawing {
  return {
    intervalMs: LINE_INTERVAL_MS,
    show: (snapshot, waitingFor) =>
      stream.write(`${formatTime(new Date())} ${label} ${describeSnapshot(snapshot, waitingFor).join(SEPARATOR)}\n`),
    say: (line) => stream.write(`${line}\n`),
    close() {},
  };
}

/** The most important first: `46 %`, `462,000 of 1,000,000`, `ETA 0:04`, `148,232 rows/s`, `0:03 elapsed`. */
function describeSnapshot(snapshot: ProgressSnapshot, waitingFor?: string): string[] {
  return [
    formatPercent(snapshot.fraction),
    `${formatCount(snapshot.rowsDone)} of ${formatTotal(snapshot)}`,
    `ETA ${formatClock(snapshot.remainingMs)}`,
    ...(waitingFor === undefined ? [] : [`held back: ${waitingFor}`]),
    `${formatCount(snapshot.rowsPerSecond)} rows/s`,
    `${formatClock(snapshot.elapsedMs)} elapsed`,
  ];
}

function isTerminal(stream: NodeJS.WritableStream): stream is WriteStream {
  const { isTTY, columns } = stream as Partial<WriteStream>;
  return isTTY === true && columns !== undefined && columns > 0; // no columns: a terminal whose size is unknown
}
