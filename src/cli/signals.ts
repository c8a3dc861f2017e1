import { isatty } from 'node:tty';
import { exitCodeOfSignal } from './exit-code.ts';

const SIGNALS: NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/**
 * Time in which further signals count as the first one, in milliseconds. One Ctrl-C reaches this process twice: from the
 * terminal, and from the `tsx` that started it.
 */
const ECHO_MS = 300;

/** The signal received; undefined until there is one. */
export interface Interruption {
  readonly signal: AbortSignal;
  readonly received: NodeJS.Signals | undefined;
}

/**
 * Turns the first SIGINT, SIGTERM or SIGHUP into an abort. A second one ends the process at once: what it was writing
 * is then rolled back by the server.
 *
 * @param onFirst called with the first signal, to report what happens next
 * @param onSecond called right before the process ends
 */
export function interruptOnSignals(
  onFirst: (signal: NodeJS.Signals) => void,
  onSecond: () => void = () => {},
): Interruption {
  const controller = new AbortController();
  const interruption: { signal: AbortSignal; received: NodeJS.Signals | undefined } = {
    signal: controller.signal,
    received: undefined,
  };
  let firstAtMs = 0;
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      if (interruption.received === undefined) {
        interruption.received = signal;
        firstAtMs = performance.now();
        controller.abort();
        onFirst(signal);
      } else if (performance.now() - firstAtMs > ECHO_MS) {
        onSecond();
        endBy(signal);
      }
    });
  }
  return interruption;
}

/** Looked at before the terminal can have gone. */
const HAS_TERMINAL = [0, 1, 2].some(isatty);

/**
 * Ends the process the way it ends after a signal. On its way out Node restores the terminal, and aborts with a native
 * stack trace when that has gone; so a hangup is left to do what it does to a process that knows nothing of it.
 */
function endBy(signal: NodeJS.Signals): void {
  if (signal !== 'SIGHUP' || !HAS_TERMINAL) process.exit(exitCodeOfSignal(signal));
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
}

/** @returns the exit code after an interruption; after a hangup the process ends here, see `endBy` */
export function exitCodeAfter(signal: NodeJS.Signals): number {
  if (signal === 'SIGHUP') endBy(signal);
  return exitCodeOfSignal(signal);
}
