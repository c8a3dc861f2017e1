import { formatCount } from '../../text/format.ts';
import type { Report } from '../schema.ts';
import { isWide } from './svg-chart.ts';
import {
  drawOverTime,
  FAULT,
  filled,
  line,
  MAIN,
  marks,
  numberAxis,
  REFERENCE,
  referenceLine,
  SECOND,
} from './time-chart.ts';

/** A chart and what is written around it. */
export interface Chart {
  title: string;
  /** The values of a chart and their unit. */
  note: string;
  svg: string;
  legend: LegendItem[];
}

export interface LegendItem {
  /** As CSS has it. */
  color: string;
  mark: 'line' | 'dashes' | 'triangle';
  text: string;
}

/** The course of a run: its speed, how long its batches took, and its memory. Empty when it has written nothing. */
export function drawCharts(report: Report): Chart[] {
  return report.batches.count === 0 ? [] : [drawSpeed(report), drawDurations(report), drawMemory(report)];
}

function drawSpeed(report: Report): Chart {
  const { perSecond } = report.rows;
  const legend: LegendItem[] = [{ color: MAIN, mark: 'line', text: 'rows per second' }];
  if (perSecond !== null) {
    legend.push({ color: REFERENCE, mark: 'dashes', text: `average, ${formatCount(perSecond)}` });
  }
  if (report.retries > 0) legend.push({ color: FAULT, mark: 'triangle', text: 'faults, retried' });
  return {
    title: 'Rows per second',
    note: 'rows in batches that this process committed',
    svg: drawOverTime(report, 'Rows per second over time', {
      yAxis: numberAxis(false),
      series: [
        { ...line(report, MAIN, ({ rowsPerSecond }) => rowsPerSecond), ...filled(MAIN), ...referenceLine(perSecond) },
        marks(report, FAULT, ({ retries }) => retries > 0),
      ],
    }),
    legend,
  };
}

function drawDurations(report: Report): Chart {
  const targetMs = targetOf(report);
  const durations = report.series.points.flatMap(({ p50Ms, p95Ms }) => [p50Ms, p95Ms]).filter((ms) => ms !== null);
  const logarithmic = isWide(durations);
  const legend: LegendItem[] = [
    { color: MAIN, mark: 'line', text: 'median' },
    { color: SECOND, mark: 'line', text: '95th percentile' },
  ];
  if (targetMs !== null) {
    legend.push({ color: REFERENCE, mark: 'dashes', text: `target, ${formatCount(targetMs)} ms` });
  }
  return {
    title: 'Duration of batches',
    note: `milliseconds, without waits for locks${logarithmic ? '; logarithmic axis' : ''}`,
    svg: drawOverTime(report, 'Duration of batches over time, in milliseconds', {
      yAxis: numberAxis(logarithmic, targetMs === null ? durations : [...durations, targetMs]),
      series: [
        { ...line(report, SECOND, ({ p95Ms }) => p95Ms), ...referenceLine(targetMs) },
        line(report, MAIN, ({ p50Ms }) => p50Ms),
      ],
    }),
    legend,
  };
}

/** A fixed batch size has no target duration. */
function targetOf({ settings: { batchSize, targetBatchMs } }: Report): number | null {
  return batchSize === 'auto' && typeof targetBatchMs === 'number' ? targetBatchMs : null;
}

function drawMemory(report: Report): Chart {
  return {
    title: 'Memory',
    note: 'largest resident set of this process, in MB (1,000,000 bytes)',
    svg: drawOverTime(report, 'Memory over time, in megabytes', {
      yAxis: numberAxis(false),
      series: [{ ...line(report, MAIN, ({ peakRssBytes }) => peakRssBytes && peakRssBytes / 1e6), ...filled(MAIN) }],
    }),
    legend: [],
  };
}
