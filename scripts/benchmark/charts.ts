import { isWide } from '../../src/report/page/svg-chart.ts';
import { formatCount } from '../../src/text/format.ts';
import {
  axisName,
  bar,
  COLUMN_COLORS,
  categoryAxis,
  INK,
  isOurs,
  lineLook,
  numberAxis,
  OTHERS,
  OURS,
  referenceLine,
  render,
  title,
  twoColumns,
} from './chart-style.ts';
import {
  type BenchmarkResults,
  isExtrapolated,
  type Measurement,
  type MemorySample,
  median,
  numberAtEnd,
} from './measurement.ts';

/** File name → SVG, 800 pixels wide; a group without measurements has no chart. */
export function drawCharts(results: BenchmarkResults): Record<string, string> {
  const sampled = results.strategies.filter(({ memory }) => memory.length > 0);
  const charts: [name: string, group: Measurement[], draw: (group: Measurement[]) => string][] = [
    ['time-per-strategy.svg', results.strategies, drawTimePerStrategy],
    ['memory-over-time.svg', sampled, drawMemoryOverTime],
    ['time-by-batch-size.svg', results.batchSizes, drawTimeByBatchSize],
    ['scaling.svg', results.sizes, drawScaling],
    ['workers.svg', results.workers, drawWorkers],
  ];
  return Object.fromEntries(
    charts.filter(([, group]) => group.length > 0).map(([name, group, draw]) => [name, draw(group)]),
  );
}

function drawTimePerStrategy(group: Measurement[]): string {
  // The category axis grows upwards: the fastest comes last, to be on top.
  const rows = group.toSorted((a, b) => median(b.seconds) - median(a.seconds));
  const reference = rows.find(({ strategy }) => strategy === 'one-update');
  const times = rows.map(({ seconds }) => median(seconds));
  const logarithmic = isWide(times);
  const bars = (name: string, color: string, wanted: boolean) => ({
    name,
    type: 'bar' as const,
    barGap: '-100%',
    barWidth: 20,
    itemStyle: { color },
    data: rows.map((row) => (isOurs(row) === wanted ? bar(row, color) : '-')),
  });
  return render(112 + 34 * rows.length, {
    title: title(
      `Time to replace the tokens of ${describeRows(rows)}`,
      `median, seconds${logarithmic ? ' (logarithmic axis)' : ''}${describeHatching(rows)}`,
    ),
    legend: { right: 16, top: 14, textStyle: { color: INK, fontSize: 13 } },
    grid: { left: 16, right: 84, top: 86, bottom: 12, outerBoundsMode: 'same', outerBoundsContain: 'axisLabel' },
    xAxis: numberAxis(times, logarithmic, 1.2),
    yAxis: categoryAxis(rows.map(({ label }) => label)),
    series: [
      bars('this package', OURS, true),
      {
        ...bars('other ways', OTHERS, false),
        ...(reference && { markLine: referenceLine(reference) }),
      },
    ],
  });
}

function drawMemoryOverTime(group: Measurement[]): string {
  const rows = group.toSorted((a, b) => b.peakRssBytes - a.peakRssBytes);
  const logarithmic = isWide(rows.map(({ memory }) => memory.at(-1)?.seconds ?? 0).filter((seconds) => seconds > 0));
  const legendHeight = 22 * Math.ceil(rows.length / 2);
  const others = rows.filter((row) => !isOurs(row) && row.strategy !== 'one-update');
  const ours = rows.filter(isOurs);
  return render(440 + legendHeight, {
    title: title(
      'Memory of the client over time',
      `resident set, MB${rows.some(isExtrapolated) ? '; ≈: only a part of the rows was replaced' : ''}`,
    ),
    legend: { ...twoColumns, data: rows.map(nameLine) },
    grid: { left: 64, right: 32, top: 76, bottom: legendHeight + 68 },
    xAxis: {
      ...numberAxis([EARLIEST_SECONDS, ...rows.map(({ memory }) => memory.at(-1)?.seconds ?? 0)], logarithmic),
      ...axisName(`seconds since the process was started${logarithmic ? ' (logarithmic axis)' : ''}`),
    },
    yAxis: numberAxis([], false),
    series: rows.map((row) => ({
      name: nameLine(row),
      type: 'line' as const,
      symbol: 'none',
      ...lineLook(row, isOurs(row) ? ours.indexOf(row) : others.indexOf(row)),
      data: thinOut(row.memory, logarithmic),
    })),
  });
}

function drawTimeByBatchSize(group: Measurement[]): string {
  const rows = group.toSorted((a, b) => numberAtEnd(a.strategy) - numberAtEnd(b.strategy));
  return drawColumns(rows, `Time by batch size, ${describeRows(rows)}`, 'rows per batch');
}

function drawWorkers(group: Measurement[]): string {
  const rows = group.toSorted((a, b) => numberAtEnd(a.strategy) - numberAtEnd(b.strategy));
  return drawColumns(rows, `Time by number of workers, ${describeRows(rows)}`, 'workers');
}

/** A column for each number at the end of a strategy's name, side by side for each kind of strategy. */
function drawColumns(rows: Measurement[], heading: string, unit: string): string {
  const times = rows.map(({ seconds }) => median(seconds));
  const logarithmic = isWide(times);
  const numbers = [...new Set(rows.map(({ strategy }) => numberAtEnd(strategy)))];
  const kinds = [...new Set(rows.map(kindOf))];
  return render(400, {
    title: title(
      heading,
      `this package, median, seconds${logarithmic ? ' (logarithmic axis)' : ''}${describeHatching(rows)}`,
    ),
    legend: { show: kinds.length > 1, right: 24, top: 62, textStyle: { color: INK, fontSize: 13 } },
    grid: { left: 64, right: 32, top: 108, bottom: 64 },
    xAxis: { ...categoryAxis(numbers.map(formatCount)), ...axisName(unit) },
    yAxis: numberAxis(times, logarithmic, 1.2),
    series: kinds.map((kind, index) => {
      const color = COLUMN_COLORS[index % COLUMN_COLORS.length] ?? OURS;
      const ofKind = rows.filter((row) => kindOf(row) === kind);
      const data = numbers.map((number) => ofKind.find(({ strategy }) => numberAtEnd(strategy) === number));
      return {
        name: ofKind[0]?.label.replace(/^[\d,]+ \w+, /, '') ?? kind,
        type: 'bar' as const,
        barMaxWidth: 56,
        itemStyle: { color },
        data: data.map((row) => (row ? bar(row, color, 'top') : '-')),
      };
    }),
  });
}

function drawScaling(group: Measurement[]): string {
  const strategies = [...new Set(group.map(({ strategy }) => strategy))];
  const lines = strategies.map((strategy) => group.filter((row) => row.strategy === strategy));
  const legendHeight = 22 * Math.ceil(lines.length / 2);
  const name = (line: Measurement[]) => `${line.some(isExtrapolated) ? '≈ ' : ''}${line[0]?.label}`;
  return render(440 + legendHeight, {
    title: title('Time by size of the table', 'median, seconds; both axes are logarithmic'),
    legend: twoColumns,
    grid: { left: 64, right: 48, top: 76, bottom: legendHeight + 68 },
    xAxis: {
      ...numberAxis(
        group.map(({ tableRows }) => tableRows),
        true,
      ),
      ...axisName('rows of the table'),
    },
    yAxis: numberAxis(
      group.map(({ seconds }) => median(seconds)),
      true,
    ),
    series: lines.map((line, index) => ({
      name: name(line),
      type: 'line' as const,
      symbol: 'circle',
      symbolSize: 8,
      ...(line[0] && lineLook(line[0], index)),
      data: line.toSorted((a, b) => a.tableRows - b.tableRows).map((row) => [row.tableRows, median(row.seconds)]),
    })),
  });
}

const EARLIEST_SECONDS = 0.12;

/** The largest sample in each of about 150 stretches of the axis, as [seconds, MB]: peaks stay, the file stays small. */
function thinOut(samples: readonly MemorySample[], logarithmic: boolean): [seconds: number, megabytes: number][] {
  const last = samples.at(-1)?.seconds ?? 0;
  const peaks = new Map<number, [number, number]>();
  for (const { seconds, rssBytes } of samples) {
    const from = logarithmic ? Math.max(seconds, EARLIEST_SECONDS) : seconds;
    const part = logarithmic ? Math.log(from / EARLIEST_SECONDS) / Math.log(last / EARLIEST_SECONDS) : from / last;
    const stretch = Math.round(part * 150);
    if ((peaks.get(stretch)?.[1] ?? 0) < rssBytes / 1e6) peaks.set(stretch, [from, rssBytes / 1e6]);
  }
  return [...peaks.values()];
}

const nameLine = (row: Measurement) => `${isExtrapolated(row) ? '≈ ' : ''}${row.label}`;

/** `workers-database` of `workers-database-2`. */
const kindOf = ({ strategy }: Measurement) => strategy.replace(/-?\d+$/, '');

const describeHatching = (rows: Measurement[]) =>
  rows.some(isExtrapolated) ? '; ≈ and hatched: extrapolated from fewer rows' : '';

/** `1,000,000 rows`, or the span when tables differ. */
function describeRows(rows: Measurement[]): string {
  const counts = rows.map(({ tableRows }) => tableRows);
  const [fewest, most] = [Math.min(...counts), Math.max(...counts)];
  return `${fewest === most ? '' : `${formatCount(fewest)}–`}${formatCount(most)} rows`;
}
