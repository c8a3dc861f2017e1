import { formatCount, formatDuration, formatTime, formatTotal } from '../../text/format.ts';
import type { Report } from '../schema.ts';
import { type Pair, pairs, section, UNKNOWN } from './layout.ts';
import { html, type Markup } from './markup.ts';

export function showFacts(report: Report): Markup {
  const tables = [
    pairs('Run', factsOfRun(report)),
    pairs('Rows', factsOfRows(report)),
    pairs('Batches', factsOfBatches(report)),
    pairs('During the run', factsOfTrouble(report)),
  ];
  return section('Key facts', html`<div class="facts">${tables}</div>`);
}

function factsOfRun(report: Report): Pair[] {
  const { by, startedAt, endedAt, rotationStartedAt, completedAt, verifiedAt, tool, peakRssBytes } = report;
  return [
    ['By', by.who],
    ['Database user', by.databaseUser],
    ['Began', formatTime(startedAt)],
    ['Ended', formatTime(endedAt)],
    ['Took', formatDuration(Date.parse(endedAt) - Date.parse(startedAt))],
    ['Rotation began', rotationStartedAt === null ? UNKNOWN : formatTime(rotationStartedAt)],
    ['Rotation completed', completedAt === null ? 'no' : formatTime(completedAt)],
    ['Rotation verified', verifiedAt === null ? 'no' : formatTime(verifiedAt)],
    ['Peak memory', peakRssBytes === null ? UNKNOWN : `${formatCount(peakRssBytes / 1e6)} MB`],
    ['Version', `${tool.name} ${tool.version}`],
  ];
}

function factsOfRows({ rows, watermark }: Report): Pair[] {
  const { done, doneIsExact, total, totalIsEstimate, before, thisRun, perSecond } = rows;
  return [
    ['Rotated', done === null ? UNKNOWN : `${doneIsExact ? '' : 'at least '}${formatCount(done)}`],
    ['In scope', total === null ? UNKNOWN : formatTotal({ rowsTotal: total, totalIsEstimate })],
    ['Rotated before this run', before === null ? UNKNOWN : formatCount(before)],
    ['Rotated by this run', formatCount(thisRun)],
    ['Average speed', perSecond === null ? UNKNOWN : `${formatCount(perSecond)} rows/s`],
    ['Highest key in scope', watermark ?? UNKNOWN],
  ];
}

function factsOfBatches({ batches }: Report): Pair[] {
  const { count, blocked, p50Ms, p90Ms, p99Ms, maxMs } = batches;
  return [
    ['Committed', formatCount(count)],
    ['Waited for locks', formatCount(blocked)],
    ['Median duration', formatMs(p50Ms)],
    ['90th percentile', formatMs(p90Ms)],
    ['99th percentile', formatMs(p99Ms)],
    ['Longest', formatMs(maxMs)],
  ];
}

function factsOfTrouble(report: Report): Pair[] {
  const { partitions, retries, retryWaitMs, rowsSetAside, notRotated } = report;
  const pausedMs = Object.values(report.throttledMs).reduce((sum, ms) => sum + ms, 0);
  return [
    ['Retried faults', formatCount(retries)],
    ['Waited before retries', formatDuration(retryWaitMs)],
    ['Paused by throttles', formatDuration(pausedMs)],
    ['Rows set aside for later', formatCount(rowsSetAside)],
    ['Rows that could not be rotated', formatCount(notRotated.count)],
    ['Partitions lost to other processes', lostOf(partitions)],
  ];
}

function lostOf({ count, overtaken }: Report['partitions']): string {
  return count === null ? UNKNOWN : `${formatCount(overtaken)} of ${formatCount(count)}`;
}

function formatMs(ms: number | null): string {
  if (ms === null) return UNKNOWN;
  return ms < 10_000 ? `${formatCount(ms)} ms` : formatDuration(ms);
}
