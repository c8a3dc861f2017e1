import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { jsonLines } from '../../../src/cli/json-lines.ts';
import { jsonReporter } from '../../../src/cli/reporters/json-reporter.ts';
import { ConfigurationError, HeldByAnotherProcessError, type RotationResult } from '../../../src/index.ts';
import { TICKETS } from '../../support/tickets.ts';

const NOW = '2026-03-01T12:00:00.000Z';
const STARTED = {
  type: 'started',
  resumed: true,
  rowsDone: 30,
  rowsTotal: 95,
  totalIsEstimate: false,
  partitions: 4,
} as const;

describe('for machines, the report', () => {
  let stdout = new PassThrough({ encoding: 'utf8' });
  let reporter = jsonReporter(jsonLines('march', stdout));

  beforeEach(() => {
    jest.useFakeTimers({ now: new Date(NOW), doNotFake: ['nextTick'] });
    stdout = new PassThrough({ encoding: 'utf8' });
    reporter = jsonReporter(jsonLines('march', stdout));
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  /** Every line since the last call, parsed. */
  function lines(): Record<string, unknown>[] {
    const text = String(stdout.read() ?? '');
    expect(text).toMatch(/^(.+\n)*$/);
    return text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line));
  }

  it('has event, rotation and time on every line, whatever happens', () => {
    reporter.begin({ rotation: 'march', target: TICKETS, database: 'db:5432/shop', list: null });
    reporter.event({ type: 'waiting', holders: ['web-1:4242:x'] });
    reporter.event(STARTED);
    reporter.event({ type: 'batch', rows: 10, durationMs: 50 });
    reporter.stopping('SIGTERM');
    reporter.end({ outcome: 'interrupted', counts: { rowsDone: 40, rowsTotal: 95, totalIsEstimate: false } });
    expect(lines()).toEqual([
      {
        event: 'begin',
        rotation: 'march',
        time: NOW,
        target: 'tickets.token by id',
        database: 'db:5432/shop',
        list: null,
      },
      { event: 'waiting', rotation: 'march', time: NOW, holders: ['web-1:4242:x'] },
      {
        event: 'started',
        rotation: 'march',
        time: NOW,
        resumed: true,
        rowsDone: 30,
        rowsTotal: 95,
        totalIsEstimate: false,
        partitions: 4,
      },
      { event: 'stopping', rotation: 'march', time: NOW, signal: 'SIGTERM' },
      expect.objectContaining({ event: 'progress', rotation: 'march', time: NOW, rowsDone: 40, rowsThisRun: 10 }),
      { event: 'interrupted', rotation: 'march', time: NOW, rowsDone: 40, rowsTotal: 95, totalIsEstimate: false },
    ]);
  });

  it('tells the progress once a second, in numbers', () => {
    reporter.event(STARTED);
    lines();
    reporter.event({ type: 'batch', rows: 10, durationMs: 50 });
    jest.advanceTimersByTime(2_000);
    expect(lines()).toMatchObject([
      { event: 'progress', time: '2026-03-01T12:00:01.000Z', elapsedMs: 1_000 },
      {
        event: 'progress',
        time: '2026-03-01T12:00:02.000Z',
        rowsDone: 40,
        rowsTotal: 95,
        totalIsEstimate: false,
        rowsThisRun: 10,
        fraction: 0.4211,
        elapsedMs: 2_000,
        rowsPerSecond: expect.any(Number),
        remainingMs: expect.any(Number),
      },
    ]);
    reporter.end({ outcome: 'empty' });
  });

  it.each<[string, RotationResult, object]>([
    ['empty', { outcome: 'empty' }, { event: 'empty' }],
    [
      'already complete',
      {
        outcome: 'complete',
        alreadyComplete: true,
        rowsDone: 95,
        watermark: '9007199254740993',
        startedAt: new Date(NOW),
        completedAt: new Date(NOW),
        verifiedAt: new Date(NOW),
      },
      // A JSON number would lose the last digit of such a key.
      {
        event: 'complete',
        alreadyComplete: true,
        rowsDone: 95,
        watermark: '9007199254740993',
        startedAt: NOW,
        completedAt: NOW,
        verifiedAt: NOW,
      },
    ],
  ])('of a run that had nothing to do is its outcome alone: %s', (_, result, expected) => {
    reporter.end(result);
    expect(lines()).toEqual([{ rotation: 'march', time: NOW, ...expected }]);
  });

  it.each([
    [new ConfigurationError('--name is wrong'), { exitCode: 2, message: '--name is wrong' }],
    [
      new HeldByAnotherProcessError('march', ['web-1:4242:x']),
      { exitCode: 3, message: expect.stringContaining('web-1') },
    ],
    [new Error('leaked-text'), { exitCode: 1, message: expect.not.stringContaining('leaked-text') }],
  ])('says why it failed and with which exit code: %s', (error, expected) => {
    reporter.fail(error);
    expect(lines()).toEqual([{ event: 'failed', rotation: 'march', time: NOW, ...expected }]);
  });

  it.each<[string, () => void]>([
    ['ended', () => reporter.end({ outcome: 'empty' })],
    ['failed', () => reporter.fail(new Error('oops'))],
  ])('falls silent once it has %s', (_, finish) => {
    reporter.event(STARTED);
    finish();
    expect(lines().length).toBeGreaterThan(1);
    jest.advanceTimersByTime(60_000);
    expect(lines()).toEqual([]);
  });
});
