import type { EChartsOption, LineSeriesOption } from 'echarts/types/dist/shared';
import type { Report } from '../schema.ts';
import { renderSvg } from './svg-chart.ts';

// The look of every chart of a report; charts.ts has the charts.

// The page decides on the colours, so that light and dark both suit them.
export const MAIN = 'var(--blue)';
export const SECOND = 'var(--violet)';
export const FAULT = 'var(--orange)';
export const REFERENCE = 'var(--muted)';
const INK = 'var(--muted)';
const GRID_LINE = 'var(--line)';

const WIDTH = 840;
const HEIGHT = 240;

type YAxis = NonNullable<EChartsOption['yAxis']>;
type Point = Report['series']['points'][number];

export function drawOverTime({ startedAt, endedAt }: Report, label: string, option: EChartsOption): string {
  const [min, max] = [Date.parse(startedAt), Date.parse(endedAt)];
  const svg = renderSvg(WIDTH, HEIGHT, {
    useUTC: true,
    textStyle: { fontFamily: 'system-ui, sans-serif' },
    grid: { left: 64, right: 20, top: 12, bottom: 28 },
    xAxis: {
      type: 'time',
      min,
      max: Math.max(max, min + 1),
      splitNumber: 7,
      axisLabel: { color: INK, fontSize: 12, hideOverlap: true, formatter: TIME_LABELS },
      axisLine: { lineStyle: { color: GRID_LINE } },
      axisTick: { lineStyle: { color: GRID_LINE } },
    },
    ...option,
  });
  return withoutHovering(svg).replace('<svg ', `<svg role="img" aria-label="${label}" `);
}

/** Fine enough for where the tick is, and never a word. */
const TIME_LABELS = {
  year: '{yyyy}-{MM}-{dd}',
  month: '{MM}-{dd}',
  day: '{MM}-{dd}',
  hour: '{HH}:{mm}',
  minute: '{HH}:{mm}',
  second: '{HH}:{mm}:{ss}',
  millisecond: '{HH}:{mm}:{ss}.{SSS}',
};

/** echarts' style sheet would be the whole page's, and does nothing without a script. */
function withoutHovering(svg: string): string {
  return svg.replace(/<style[\s\S]*?<\/style>/g, '').replace(/ class="[^"]*"/g, '');
}

export function numberAxis(logarithmic: boolean, values: number[] = []): YAxis {
  return {
    type: logarithmic ? 'log' : 'value',
    ...(logarithmic && { min: 10 ** Math.floor(Math.log10(Math.min(...values))) }),
    splitNumber: 4,
    axisLabel: { color: INK, fontSize: 12, formatter: (value: number) => value.toLocaleString('en') },
    splitLine: { lineStyle: { color: GRID_LINE } },
  };
}

export function line(report: Report, color: string, pick: (point: Point) => number | null): LineSeriesOption {
  const values = placed(report, pick);
  return {
    type: 'line',
    silent: true,
    symbol: 'none',
    itemStyle: { color },
    lineStyle: { color, width: 1.75 },
    data: values.map(([at, value], index) => ({
      value: [at, value ?? '-'],
      // Between two gaps there is no line to see.
      ...(isMissing(values[index - 1]) && isMissing(values[index + 1]) && { symbol: 'circle', symbolSize: 5 }),
    })),
  };
}

/** A mark at the bottom, wherever there is something to mark. */
export function marks(report: Report, color: string, isMarked: (point: Point) => boolean): LineSeriesOption {
  const values = placed(report, (point) => (isMarked(point) ? 0 : null));
  return {
    type: 'line',
    silent: true,
    symbol: 'triangle',
    symbolSize: 9,
    symbolOffset: [0, -5],
    clip: false,
    z: 5,
    itemStyle: { color },
    lineStyle: { opacity: 0 },
    data: values.filter((value) => !isMissing(value)),
  };
}

type PlacedValue = [at: number, value: number | null];

/** Each value in the middle of its stretch of time. */
function placed({ startedAt, endedAt, series }: Report, pick: (point: Point) => number | null): PlacedValue[] {
  const [start, end] = [Date.parse(startedAt), Date.parse(endedAt)];
  return series.points.map((point) => [
    Math.min(start + point.atMs + series.bucketMs / 2, (start + point.atMs + end) / 2),
    pick(point),
  ]);
}

function isMissing(value: PlacedValue | undefined): boolean {
  return value === undefined || value[1] === null;
}

export const filled = (color: string) => ({ areaStyle: { color, opacity: 0.12 } });

/** @param value null: nothing to compare with */
export const referenceLine = (value: number | null): Pick<LineSeriesOption, 'markLine'> =>
  value === null
    ? {}
    : {
        markLine: {
          silent: true,
          symbol: 'none',
          label: { show: false },
          lineStyle: { color: REFERENCE, type: 'dashed', width: 1.5 },
          data: [{ yAxis: value }],
        },
      };
