import { LineChart } from 'echarts/charts';
import { GridComponent, MarkLineComponent } from 'echarts/components';
import { init, use } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import type { EChartsOption } from 'echarts/types/dist/shared';

use([LineChart, GridComponent, MarkLineComponent, SVGRenderer]);

/** Draws a chart as SVG, without a browser. Whoever needs more than lines says so to echarts' `use`. */
export function renderSvg(width: number, height: number, option: EChartsOption): string {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width, height });
  chart.setOption({ animation: false, ...option });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}

/** A larger spread than this squeezes the small values of a linear axis to nothing. */
const LINEAR_SPREAD = 20;

/** @returns true if the values need a logarithmic axis */
export const isWide = (values: number[]) => Math.max(...values) / Math.min(...values) > LINEAR_SPREAD;
