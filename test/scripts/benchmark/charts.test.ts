import { describe, expect, test } from '@jest/globals';
import { drawCharts } from '../../../scripts/benchmark/charts.ts';
import type { BenchmarkResults, Measurement } from '../../../scripts/benchmark/measurement.ts';

const LABELS: Record<string, string> = { 'one-update': 'one big UPDATE', rotate: 'this package', cursor: 'a cursor' };

function measured(strategy: string, seconds: number, more: Partial<Measurement> = {}): Measurement {
  return {
    strategy,
    label: LABELS[strategy] ?? strategy,
    tableRows: 100_000,
    measuredRows: 100_000,
    seconds: [seconds],
    peakRssBytes: 150e6,
    walBytes: 70e6,
    resumable: 'yes',
    memory: [0, 1, 2].map((at) => ({ seconds: at, rssBytes: 100e6 + at * 25e6 })),
    ...more,
  };
}

const RESULTS: BenchmarkResults = {
  finishedAt: '2026-01-02T03:04:05.678Z',
  machine: { cpu: 'A CPU', cores: 2, memoryBytes: 8e9, node: 'v20.19.1', postgres: '18.4' },
  serverSettings: {},
  strategies: [measured('one-update', 1), measured('rotate', 0.7), measured('cursor', 90, { measuredRows: 1_000 })],
  batchSizes: [measured('batch-size-5000', 0.7), measured('batch-size-100', 3)],
  workers: [
    measured('workers-2', 0.5, { label: '2 workers, tokens made in the application' }),
    measured('workers-database-2', 0.4, { label: '2 workers, tokens made in the database' }),
  ],
  sizes: [measured('one-update', 1), measured('one-update', 12, { tableRows: 1_000_000, measuredRows: 1_000_000 })],
  seeding: [],
};

/** What a reader sees of it, in the order of the drawing. */
function textsOf(svg = ''): string[] {
  return [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, text]) => text ?? '');
}

describe('drawCharts', () => {
  const charts = drawCharts(RESULTS);

  test('draws a chart of each group', () => {
    const names = ['memory-over-time', 'scaling', 'time-by-batch-size', 'time-per-strategy', 'workers'];
    expect(Object.keys(charts).sort()).toEqual(names.map((name) => `${name}.svg`));
  });

  test.each(Object.entries(charts))('%s is a whole SVG on white, without a number that is none', (_name, svg) => {
    expect(svg).toMatch(/^<svg [^>]*width="800"[\s\S]*<\/svg>$/);
    expect(svg).toMatch(/<rect width="800" height="\d+" [^>]*fill="#fff"/);
    expect(svg).not.toMatch(/NaN|undefined|Infinity/);
  });

  test('names each way and its time, and marks what was extrapolated', () => {
    const texts = textsOf(charts['time-per-strategy.svg']);
    const expected = [
      'one big UPDATE',
      'this package',
      'a cursor',
      '1.0 s',
      '0.70 s',
      '≈ 90.0 s',
      'one big UPDATE: 1.0 s',
    ];
    expect(texts).toEqual(expect.arrayContaining(expected));
    expect(charts['time-per-strategy.svg']).toContain('<pattern');
  });

  test('orders batch sizes by number', () => {
    const texts = textsOf(charts['time-by-batch-size.svg']);
    expect(texts.indexOf('100')).toBeGreaterThanOrEqual(0);
    expect(texts.indexOf('100')).toBeLessThan(texts.indexOf('5,000'));
  });

  test('tells apart the two kinds of workers', () => {
    const kinds = ['tokens made in the application', 'tokens made in the database'];
    expect(textsOf(charts['workers.svg'])).toEqual(expect.arrayContaining(kinds));
  });

  test('has a line in the memory chart only for what was sampled', () => {
    const [reference, ours] = RESULTS.strategies.map((row, index) => (index === 0 ? { ...row, memory: [] } : row));
    if (!reference || !ours) throw new Error('the results hold both');
    const texts = textsOf(drawCharts({ ...RESULTS, strategies: [reference, ours] })['memory-over-time.svg']);
    expect(texts).toContain('this package');
    expect(texts).not.toContain('one big UPDATE');
  });

  test('skips a chart without measurements', () => {
    const bare = measured('rotate', 1, { memory: [] });
    const names = Object.keys(drawCharts({ ...RESULTS, strategies: [bare], batchSizes: [], workers: [], sizes: [] }));
    expect(names).toEqual(['time-per-strategy.svg']);
  });

  test('survives samples at the very start only', () => {
    const brief = measured('rotate', 0.1, { memory: [{ seconds: 0, rssBytes: 1e8 }] });
    const svg = drawCharts({ ...RESULTS, strategies: [brief] })['memory-over-time.svg'];
    expect(svg).not.toMatch(/NaN|undefined|Infinity/);
  });
});
