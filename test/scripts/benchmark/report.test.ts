import { describe, expect, test } from '@jest/globals';
import { type BenchmarkResults, type Measurement, numberAtEnd } from '../../../scripts/benchmark/measurement.ts';
import { formatSeconds, writeReport } from '../../../scripts/benchmark/report.ts';

function measured(strategy: string, seconds: number[], more: Partial<Measurement> = {}): Measurement {
  return {
    strategy,
    label: `the way of ${strategy}`,
    tableRows: 100_000,
    measuredRows: 100_000,
    seconds,
    peakRssBytes: 150e6,
    walBytes: 70e6,
    resumable: 'yes',
    memory: [],
    ...more,
  };
}

const EMPTY: BenchmarkResults = {
  finishedAt: '2026-01-02T03:04:05.678Z',
  machine: { cpu: 'A CPU', cores: 2, memoryBytes: 8e9, node: 'v20.19.1', postgres: '18.4' },
  serverSettings: { max_wal_size: '4GB' },
  strategies: [],
  batchSizes: [],
  workers: [],
  sizes: [],
  seeding: [],
};

/** The cells of the first row that mentions the text. */
function rowOf(report: string, text: string): string[] {
  const line = report.split('\n').find((each) => each.startsWith('|') && each.includes(text)) ?? '';
  return line.split(' | ').map((cell) => cell.replace(/^\| | \|$/g, ''));
}

describe('writeReport', () => {
  test('says how to write it again, and on what it was measured', () => {
    const report = writeReport(EMPTY);
    expect(report).toContain('npm run bench');
    expect(report).toContain('A CPU, 2 cores, 8.0 GB');
    expect(report).toContain('Node 20.19.1, PostgreSQL 18.4');
    expect(report).toContain('`max_wal_size = 4GB`');
  });

  test('leaves out the sections of empty groups, and their charts', () => {
    const report = writeReport(EMPTY);
    expect(report.match(/^## .*$/gm)).toEqual(['## Machine', '## How it was measured']);
    expect(report).not.toMatch(/\.svg|NaN|undefined|Infinity|≈/);
  });

  test('gives the median of the runs, their range, rows a second and the ratio to one UPDATE', () => {
    const strategies = [measured('one-update', [10]), measured('rotate', [8, 5, 6])];
    const report = writeReport({ ...EMPTY, strategies });
    const cells = ['the way of rotate', '`rotate`', '100,000', '6.0 (5.0–8.0)', '16,667', '0.60', '150', '70', 'yes'];
    expect(rowOf(report, '`rotate`')).toEqual(cells);
    expect(report).toContain('the median of 1 to 3 runs');
    expect(report).toContain('(time-per-strategy.svg)');
    expect(report).not.toContain('memory-over-time.svg');
  });

  test('marks what was extrapolated, but not the memory, and says from how many rows', () => {
    const strategies = [measured('one-update', [10]), measured('slow', [1_500], { measuredRows: 2_000 })];
    const report = writeReport({ ...EMPTY, strategies });
    expect(rowOf(report, '`slow`').slice(3, 8)).toEqual(['≈ 1,500', '≈ 67', '≈ 150', '150', '≈ 70']);
    expect(report).toContain('`slow` (2,000 of 100,000)');
  });

  test('compares each size to one UPDATE of the same size, and to nothing where there is none', () => {
    const [small, large] = [{ tableRows: 1_000, measuredRows: 1_000 }, {}];
    const sizes = [
      measured('one-update', [2], small),
      measured('rotate', [1], { ...small, label: 'small' }),
      measured('one-update', [100], large),
      measured('rotate', [25], { ...large, label: 'large' }),
      measured('rotate', [25], { tableRows: 7, measuredRows: 7, label: 'alone' }),
    ];
    const report = writeReport({ ...EMPTY, sizes });
    expect(['small', 'large', 'alone'].map((label) => rowOf(report, label)[5])).toEqual(['0.50', '0.25', '–']);
  });

  test('compares batch sizes and workers to one UPDATE of the strategies, and seeding to one INSERT', () => {
    const report = writeReport({
      ...EMPTY,
      strategies: [measured('one-update', [10])],
      batchSizes: [measured('batch-size-5000', [8])],
      workers: [measured('workers-3', [7])],
      seeding: [measured('seed', [6]), measured('one-insert', [4])],
    });
    expect(rowOf(report, '| 5,000 |')).toContain('0.80');
    expect(rowOf(report, '| 3 |')).toContain('0.70');
    expect(rowOf(report, '`seed`')).toContain('1.50');
    expect(report).not.toMatch(/NaN|undefined|Infinity/);
  });
});

test('numberAtEnd takes the number that ends a name', () => {
  expect(['batch-size-5000', 'workers-database-2', 'rotate'].map(numberAtEnd)).toEqual([5000, 2, Number.NaN]);
});

test('formatSeconds drops the digits that mean nothing', () => {
  expect([0.847, 9.34, 1523.4].map(formatSeconds)).toEqual(['0.85', '9.3', '1,523']);
});
