import type { RotationEvent } from '../../context.ts';
import { type RunRecord, recordEvent, recordMemory, startRunRecord } from '../run-record.ts';

/** Interval of measuring memory, in milliseconds; each batch measures it, too. */
const MEMORY_INTERVAL_MS = 500;

/** Everything of a run that its report is made of, so far. */
export interface Recorded {
  record: RunRecord;
  startedAt: Date;
  /** By the clock of `record`. */
  endedAtMs: number;
}

/** Takes note of what a run does, for its report. */
export interface Recorder {
  event(event: RotationEvent): void;
  stop(): Recorded;
}

/** Starts now. Keeps no process alive. */
export function startRecorder(): Recorder {
  const startedAt = new Date();
  let record = startRunRecord(performance.now());
  const sampleMemory = () => {
    record = recordMemory(record, process.memoryUsage.rss(), performance.now());
  };
  sampleMemory();
  const timer = setInterval(sampleMemory, MEMORY_INTERVAL_MS).unref();
  return {
    event(event) {
      record = recordEvent(record, event, performance.now());
      if (event.type === 'batch') sampleMemory();
    },
    stop() {
      clearInterval(timer);
      sampleMemory();
      return { record, startedAt, endedAtMs: performance.now() };
    },
  };
}
