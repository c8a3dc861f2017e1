import type { Settings } from '../config/settings.ts';
import type { Target } from '../config/target.ts';
import { describeError } from '../errors/describe-error.ts';
import { RowsNotRotatedError } from '../errors/errors.ts';
import { meaningOf } from '../errors/fault-table.ts';
import type { Finding } from '../finding.ts';
import type { RotationResult } from '../rotate/rotation.ts';
import { percentileMs } from './histogram.ts';
import { describeOrder } from './order-text.ts';
import { type RunRecord, rowsKnownDone, sumUp } from './run-record.ts';
import { roundedMs, seriesOf } from './run-series.ts';
import type { Report } from './schema.ts';
import { summarise } from './summary.ts';
import { entriesOfTally } from './tally.ts';

/** The end of a run: the result of `rotate`, or the error of it or of anything around it. */
export type RunEnd = { result: RotationResult } | { error: unknown };

/** Input of a report. */
export interface RunFacts {
  /** Of this package. */
  version: string;
  /** `databaseLabel(url)`: host, port and name, never a password. */
  database: string;
  by: Report['by'];
  target: Target;
  settings: Settings;
  record: RunRecord;
  startedAt: Date;
  /** By the clock of `record`, in milliseconds. */
  endedAtMs: number;
  end: RunEnd;
  /** Findings before the first write. @default none */
  preflight?: readonly Finding[];
  /** Findings after the last batch. @default none */
  verification?: readonly Finding[];
}

/** Rows that could not be rotated and are named; the others are only counted. */
const MOST_NOT_ROTATED = 1_000;

/** The report of a run, whatever came of it. Holds neither a token nor a password. */
export function buildReport(facts: RunFacts): Report {
  const { version, database, by, target, settings, record, startedAt, endedAtMs, end } = facts;
  const { durations, batches, peakRssBytes } = sumUp(record);
  const faults = entriesOfTally(record.faults).map(([fault, count]) => ({ fault, count }));
  const result = 'result' in end ? end.result : undefined;
  const isComplete = result?.outcome === 'complete';
  const report: Omit<Report, 'summary'> = {
    format: 1,
    tool: { name: 'rotate-tokens', version },
    rotation: settings.name,
    target: target.label,
    database,
    by,
    startedAt: startedAt.toISOString(),
    endedAt: new Date(startedAt.getTime() + endedAtMs - record.startedAtMs).toISOString(),
    outcome: outcomeOf(end),
    rotationStartedAt: isComplete ? result.startedAt.toISOString() : null,
    completedAt: isComplete ? result.completedAt.toISOString() : null,
    verifiedAt: isComplete ? result.verifiedAt.toISOString() : null,
    error: 'error' in end ? describeError(end.error) : null,
    settings: plain(settings),
    rows: countRows(record, end),
    watermark: isComplete ? result.watermark : null,
    partitions: { count: record.started?.partitions ?? null, overtaken: record.overtaken },
    batches: {
      count: batches,
      blocked: record.blocked,
      p50Ms: roundedMs(percentileMs(durations, 0.5)),
      p90Ms: roundedMs(percentileMs(durations, 0.9)),
      p99Ms: roundedMs(percentileMs(durations, 0.99)),
      maxMs: durations.count > 0 ? roundedMs(durations.maxMs) : null,
    },
    retries: faults.reduce((sum, { count }) => sum + count, 0),
    retryWaitMs: Math.round(record.retryWaitMs),
    faults,
    rowsSetAside: record.rowsSetAside,
    setAside: record.setAside.map(({ key, fault }) => ({ key, fault })),
    notRotated: rowsNotRotated(end),
    throttledMs: Object.fromEntries(
      entriesOfTally(record.throttledMs).map(([reason, waitMs]) => [reason, Math.round(waitMs)]),
    ),
    peakRssBytes: peakRssBytes > 0 ? peakRssBytes : null,
    orders: record.orders.map((order) => ({ at: order.givenAt.toISOString(), order: describeOrder(order) })),
    preflight: (facts.preflight ?? []).map(plainFinding),
    verification: (facts.verification ?? []).map(plainFinding),
    series: seriesOf(record, endedAtMs),
  };
  return { ...report, summary: summarise(report, 'error' in end ? end.error : undefined) };
}

function outcomeOf(end: RunEnd): Report['outcome'] {
  if ('error' in end) return 'failed';
  const { result } = end;
  return result.outcome === 'complete' && result.alreadyComplete ? 'already-complete' : result.outcome;
}

function countRows(record: RunRecord, end: RunEnd): Report['rows'] {
  const { started, rowsThisRun, batchAtMs } = record;
  const ranMs = started && batchAtMs !== null ? batchAtMs - started.atMs : 0;
  return {
    ...countAll(record, end),
    thisRun: rowsThisRun,
    perSecond: ranMs > 0 ? Math.round((rowsThisRun / ranMs) * 1000) : null,
  };
}

/** Of all processes together, from what the end says, or else from what the record knows. */
function countAll(record: RunRecord, end: RunEnd): Omit<Report['rows'], 'thisRun' | 'perSecond'> {
  const { started } = record;
  const before = started?.rowsDone ?? null;
  const result = 'result' in end ? end.result : undefined;
  if (result?.outcome === 'empty') {
    return { done: 0, doneIsExact: true, total: 0, totalIsEstimate: false, before: 0 };
  }
  if (result?.outcome === 'complete') {
    const done = result.rowsDone;
    return { done, doneIsExact: true, total: done, totalIsEstimate: false, before: before ?? done };
  }
  if (result?.counts) {
    const { rowsDone: done, rowsTotal, totalIsEstimate } = result.counts;
    return { done, doneIsExact: true, total: Math.max(rowsTotal, done), totalIsEstimate, before };
  }
  if (started === null) return { done: null, doneIsExact: false, total: null, totalIsEstimate: true, before };
  const done = rowsKnownDone(record);
  // A count that turns out too low gives way.
  const total = Math.max(started.rowsTotal, done);
  return { done, doneIsExact: false, total, totalIsEstimate: started.totalIsEstimate, before };
}

function rowsNotRotated(end: RunEnd): Report['notRotated'] {
  const rows = 'error' in end && end.error instanceof RowsNotRotatedError ? end.error.rows : [];
  const named = rows.slice(0, MOST_NOT_ROTATED);
  return {
    count: rows.length,
    rows: named.map(({ key, fault }) => ({ key, fault: `${fault}: ${meaningOf(fault)}` })),
  };
}

function plain(settings: Settings): Report['settings'] {
  return Object.fromEntries(Object.entries(settings).map(([name, value]) => [name, value ?? null]));
}

export function plainFinding({ check, level, message, advice }: Finding): Report['preflight'][number] {
  return { check, level, message, advice: advice ?? null };
}
