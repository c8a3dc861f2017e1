import { describe, expect, it } from '@jest/globals';
import { parseSettings, type RotationEvent } from '../../../src/index.ts';
import { type Chart, drawCharts } from '../../../src/report/page/charts.ts';
import { STARTED, sampleReport } from './sample.ts';

const textsOf = (svg = '') => [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, text]) => text ?? '');
const legendOf = (chart: Chart | undefined) => chart?.legend.map(({ text }) => text);

describe('the charts of a report', () => {
  const [speed, durations, memory] = drawCharts(sampleReport());

  it('have the time of the day below them, in UTC, and numbers beside them', () => {
    for (const chart of [speed, durations, memory]) expect(textsOf(chart?.svg)).toContain('12:00:04');
    expect(textsOf(durations?.svg)).toContain('300');
    expect(textsOf(memory?.svg)).toContain('120');
  });

  it('say what each line means', () => {
    expect(legendOf(speed)).toEqual(['rows per second', 'average, 100', 'faults, retried']);
    expect(legendOf(durations)).toEqual(['median', '95th percentile', 'target, 250 ms']);
  });

  it('have no target where the size of a batch is fixed', () => {
    const settings = parseSettings({ name: 'march', batchSize: 500 });
    expect(legendOf(drawCharts(sampleReport({ settings }))[1])).toEqual(['median', '95th percentile']);
  });

  it('have a logarithmic axis where durations are far apart', () => {
    const batches = [10, 10, 10, 5_000].map((durationMs): RotationEvent => ({ type: 'batch', rows: 1, durationMs }));
    const chart = drawCharts(sampleReport({}, [STARTED, ...batches]))[1];
    expect(chart?.note).toContain('logarithmic axis');
    expect(textsOf(chart?.svg)).toEqual(expect.arrayContaining(['10', '100', '1,000']));
  });

  it('have a dot where there is no line to see: a single batch', () => {
    const one = sampleReport({}, [STARTED, { type: 'batch', rows: 1, durationMs: 10 }]);
    const [, chart] = drawCharts(one);
    expect(chart?.svg).toMatch(/<path d="M1 0A1 1 /); // a circle
    expect(chart?.svg).not.toMatch(/NaN|undefined|Infinity/);
  });
});
