import { parseSettings, type Report, type RotationEvent } from '../../../src/index.ts';
import { buildReport, type RunFacts } from '../../../src/report/report.ts';
import { recordEvent, recordMemory, startRunRecord } from '../../../src/report/run-record.ts';
import { TICKETS } from '../../support/tickets.ts';

export const STARTED: RotationEvent = {
  type: 'started',
  resumed: false,
  rowsDone: 0,
  rowsTotal: 2_000,
  totalIsEstimate: false,
  partitions: 4,
};

/** Twenty seconds of batches, and a fault. */
const EVENTS: RotationEvent[] = [
  STARTED,
  ...Array.from(
    { length: 20 },
    (_, index): RotationEvent => ({ type: 'batch', rows: 100, durationMs: 200 + 5 * index }),
  ),
  { type: 'retry', partition: 1, attempt: 1, waitMs: 200, fault: 'a deadlock' },
];

/** The report of a run that was a success, a second for each event. */
export function sampleReport(more: Partial<RunFacts> = {}, events: RotationEvent[] = EVENTS): Report {
  const record = events.reduce(
    (record, event, index) => recordMemory(recordEvent(record, event, index * 1_000), 1e8 + index * 1e6, index * 1_000),
    startRunRecord(0),
  );
  return buildReport({
    version: '1.2.3',
    database: 'db:5432/shop',
    by: { who: 'ops@pod-1', databaseUser: 'rotator' },
    target: TICKETS,
    settings: parseSettings({ name: 'march' }),
    record,
    startedAt: new Date('2026-03-01T12:00:00Z'),
    endedAtMs: 23_000,
    end: {
      result: {
        outcome: 'complete',
        alreadyComplete: false,
        rowsDone: 2_000,
        watermark: '2000',
        startedAt: new Date('2026-03-01T12:00:00Z'),
        completedAt: new Date('2026-03-01T12:00:22Z'),
        verifiedAt: new Date('2026-03-01T12:00:12Z'),
      },
    },
    ...more,
  });
}
