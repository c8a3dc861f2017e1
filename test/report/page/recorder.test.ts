import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { startRecorder } from '../../../src/report/page/recorder.ts';
import { STARTED } from './sample.ts';

describe('the recorder of a run', () => {
  beforeEach(() => {
    jest.useFakeTimers({ now: new Date('2026-03-01T12:00:00Z') });
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  it('knows when the run began and ended, what happened, and how much memory it took', () => {
    const recorder = startRecorder();
    recorder.event(STARTED);
    jest.advanceTimersByTime(1_500);
    recorder.event({ type: 'batch', rows: 7, durationMs: 100 });
    jest.advanceTimersByTime(1_000);
    const { record, startedAt, endedAtMs } = recorder.stop();
    expect(startedAt).toEqual(new Date('2026-03-01T12:00:00Z'));
    expect(endedAtMs - record.startedAtMs).toBe(2_500);
    expect(record.buckets.map(({ rows }) => rows)).toEqual([0, 7, 0]);
    expect(record.buckets.filter(({ peakRssBytes }) => peakRssBytes < 1e7)).toEqual([]);
    expect(record.rowsThisRun).toBe(7);
  });

  it('looks at the memory no longer once it was stopped', () => {
    const recorder = startRecorder();
    recorder.stop();
    expect(jest.getTimerCount()).toBe(0);
  });
});
