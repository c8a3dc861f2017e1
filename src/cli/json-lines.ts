import { setTimeout as sleep } from 'node:timers/promises';
import type { PrintedEvent } from '../config/config.ts';
import { printableJson } from '../text/printable.ts';

/** Reports an event with what is known of it. */
export type WriteEvent = (event: string, facts: object) => void;

/**
 * Writes one JSON object a line. Every object has `event`, `rotation` and `time`; keys, which are bigints, are strings.
 *
 * @param rotation null when the options could not be understood
 */
export function jsonLines(rotation: string | null, stream: NodeJS.WritableStream): WriteEvent {
  return (event, facts) => {
    stream.write(`${lineOf(rotation, event, facts)}\n`);
  };
}

function lineOf(rotation: string | null, event: string, facts: object): string {
  return printableJson({ event, rotation, time: new Date().toISOString(), ...facts });
}

/** Time that calls of `onEvent` have left after the end, in milliseconds. */
const LAST_CALLS_MS = 5_000;

/** Hands events to the project's own code. */
export interface EventHook {
  write: WriteEvent;
  /** Waits a while for the last calls. @returns false if some have not ended */
  settled(): Promise<boolean>;
}

/**
 * Calls a project's `onEvent` with the objects that `jsonLines` writes. It is not waited for, and its failure is reported
 * once.
 */
export function eventHook(
  rotation: string,
  onEvent: (event: PrintedEvent) => unknown,
  onFailure: () => void,
): EventHook {
  const calls = new Set<Promise<void>>();
  let hasFailed = false;
  const fail = () => {
    if (!hasFailed) onFailure();
    hasFailed = true;
  };
  const call = async (line: string) => {
    try {
      await onEvent(JSON.parse(line));
    } catch {
      fail();
    }
  };
  return {
    write(event, facts) {
      const made = call(lineOf(rotation, event, facts)).finally(() => calls.delete(made));
      calls.add(made);
    },
    async settled() {
      const timer = new AbortController();
      await Promise.race([
        Promise.all(calls).finally(() => timer.abort()),
        sleep(LAST_CALLS_MS, undefined, { signal: timer.signal }).catch(() => {}),
      ]);
      return calls.size === 0;
    },
  };
}
