import { BarChart } from 'echarts/charts';
import { LegendComponent, TitleComponent } from 'echarts/components';
import { use } from 'echarts/core';
import type { EChartsOption } from 'echarts/types/dist/shared';
import { renderSvg } from '../../src/report/page/svg-chart.ts';
import { isExtrapolated, type Measurement, median } from './measurement.ts';
import { formatSeconds } from './report.ts';

// How every chart looks: colours, axes, titles, bars and lines. Which charts there are is in charts.ts.

use([BarChart, LegendComponent, TitleComponent]);

const WIDTH = 800;
export const OURS = '#1668c7';
export const OTHERS = '#a9b2bd';
const REFERENCE = '#c2410c';
export const COLUMN_COLORS = [OURS, '#7fb3ea'];
export const INK = '#24292f';
const GRID_LINE = '#e3e6ea';
/** Told apart by hue, and by dashes from the second round on. */
const PALETTE = ['#7c3aed', '#0d9488', '#ca8a04', '#db2777', '#65a30d', '#6b7280', '#0891b2', '#111827'];

export function render(height: number, option: EChartsOption): string {
  return renderSvg(WIDTH, height, {
    backgroundColor: '#fff',
    textStyle: { fontFamily: 'Helvetica, Arial, sans-serif' },
    ...option,
  });
}

export const title = (text: string, subtext: string) => ({
  text,
  subtext,
  left: 16,
  top: 10,
  textStyle: { color: INK, fontSize: 18 },
  subtextStyle: { color: '#57606a', fontSize: 13 },
});

export const twoColumns = {
  left: 24,
  bottom: 10,
  itemGap: 8,
  itemWidth: 30,
  itemHeight: 14,
  itemStyle: { opacity: 0 },
  formatter: '{name|{name}}',
  // Without a background echarts ignores the width, and the columns don't line up.
  textStyle: { rich: { name: { color: INK, fontSize: 13, width: 320, backgroundColor: '#fff' } } },
};

export const axisName = (name: string) => ({
  name,
  nameLocation: 'middle' as const,
  nameGap: 32,
  nameTextStyle: { color: INK, fontSize: 13 },
});

export const categoryAxis = (data: string[]) => ({
  type: 'category' as const,
  data,
  axisTick: { show: false },
  axisLabel: { color: INK, fontSize: 13, width: 290, overflow: 'break' as const, interval: 0 },
});

/** `room` keeps the smallest value away from the start of a logarithmic axis, where a bar has no length. */
export function numberAxis(values: number[], logarithmic: boolean, room = 1) {
  const smallest = Math.min(...values.filter((value) => value > 0));
  return {
    type: logarithmic ? ('log' as const) : ('value' as const),
    ...(logarithmic && { min: 10 ** Math.floor(Math.log10(smallest / room)) }),
    axisLabel: { color: INK, fontSize: 13, formatter: (value: number) => value.toLocaleString('en-US') },
    splitLine: { lineStyle: { color: GRID_LINE } },
  };
}

export function bar(row: Measurement, color: string, position: 'right' | 'top' = 'right') {
  const text = `${isExtrapolated(row) ? '≈ ' : ''}${formatSeconds(median(row.seconds))} s`;
  const decal = { symbol: 'rect', color: '#ffffffb0', dashArrayX: [1, 0], dashArrayY: [3, 5], rotation: Math.PI / 4 };
  return {
    value: median(row.seconds),
    itemStyle: { color, ...(isExtrapolated(row) && { decal }) },
    label: {
      show: true,
      position,
      formatter: text,
      color: INK,
      fontSize: 13,
      backgroundColor: '#fff',
      padding: [1, 2],
    },
  };
}

export function referenceLine(reference: Measurement) {
  const text = `${reference.label}: ${formatSeconds(median(reference.seconds))} s`;
  return {
    symbol: 'none',
    z: 1, // under the bars, so that it doesn't cross out their labels
    lineStyle: { color: REFERENCE, type: 'solid' as const, width: 1.5 },
    label: { formatter: text, color: REFERENCE, fontSize: 13, position: 'end' as const },
    data: [{ xAxis: median(reference.seconds) }],
  };
}

export function lineLook(row: Measurement, index: number) {
  const own = isOurs(row);
  const reference = row.strategy === 'one-update';
  const color = own ? OURS : reference ? REFERENCE : (PALETTE[index % PALETTE.length] ?? INK);
  const dashed = own ? row.strategy !== 'rotate' : index >= PALETTE.length;
  const type = dashed ? ('dashed' as const) : ('solid' as const);
  return { itemStyle: { color }, lineStyle: { color, type, width: own || reference ? 3 : 1.5 }, z: own ? 4 : 2 };
}

export const isOurs = ({ strategy }: Measurement) => /^rotate(-|$)/.test(strategy);
