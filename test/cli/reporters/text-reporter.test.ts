import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { textReporter } from '../../../src/cli/reporters/text-reporter.ts';
import { ConfigurationError, NoAnswerError, type RotationEvent, type RotationResult } from '../../../src/index.ts';
import { TICKETS } from '../../support/tickets.ts';

const STARTED = {
  type: 'started',
  resumed: false,
  rowsDone: 0,
  rowsTotal: 95,
  totalIsEstimate: false,
  partitions: 4,
} as const;
const COMPLETE = {
  outcome: 'complete',
  alreadyComplete: false,
  rowsDone: 95,
  watermark: '9007199254740993',
  startedAt: new Date('2026-03-01T11:50:00Z'),
  completedAt: new Date('2026-03-01T12:00:00Z'),
  verifiedAt: new Date('2026-03-01T12:00:12Z'),
} as const;

describe('for people, the report', () => {
  let [stdout, stderr] = [logStream(), logStream()];
  let reporter = textReporter('march', stdout, stderr);

  beforeEach(() => {
    jest.useFakeTimers({ doNotFake: ['nextTick'] });
    [stdout, stderr] = [logStream(), logStream()];
    reporter = textReporter('march', stdout, stderr);
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  it('begins with what is rotated, and where', () => {
    reporter.begin({ rotation: 'march', target: TICKETS, database: 'db:5432/shop', list: null });
    expect(stdout.read()).toBe("rotating tickets.token by id in db:5432/shop, rotation 'march'\n");
  });

  it.each<[string, RotationEvent, string]>([
    ['starts', STARTED, "rotation 'march': replacing 95 tokens\n"],
    ['estimates', { ...STARTED, totalIsEstimate: true }, "rotation 'march': replacing about 95 tokens\n"],
    ['resumes', { ...STARTED, resumed: true, rowsDone: 30 }, "resuming 'march' at 30 of 95\n"],
    [
      'waits',
      { type: 'waiting', holders: ['web-1:4242:x'] },
      'no partition is free; waiting for web-1:4242:x to finish or time out',
    ],
    ['waits for nobody known', { type: 'waiting', holders: [] }, 'waiting for other processes to finish or time out'],
  ])('says when it %s', (_, event, expected) => {
    reporter.event(event);
    expect(stdout.read()).toContain(expected);
  });

  it.each([
    [344_000, 'table and indexes 344 kB larger\n', 'table and indexes up to 172 MB larger until they are vacuumed\n'],
    [0, 'table and indexes no larger\n', 'table and indexes no larger\n'],
  ])('says in a dry run how much larger the table gets: %d bytes a batch', (growthBytes, batch, expected) => {
    reporter.rehearsed({
      resumed: false,
      rows: 1_000_000,
      rowsAreEstimate: false,
      partitions: 50,
      watermark: '1000000',
      batch: { rows: 2_000, durationMs: 100, walBytes: 774_000, growthBytes, foreign: 0 },
      isSlowedByAfterBatch: false,
      condemning: null,
      expected: { leastMs: 25_000, mostMs: 50_000, walBytes: 387e6, growthBytes: growthBytes * 500 },
    });
    const text = String(stdout.read());
    expect(text).toContain(batch);
    expect(text).toContain(`387 MB of WAL, ${expected}`);
  });

  it('counts the retries of one fault, of whatever partition, instead of repeating it', () => {
    const retry = { type: 'retry', partition: 0, attempt: 1, waitMs: 200, fault: 'it is away.' } as const;
    reporter.event(retry);
    expect(stdout.read()).toBe('partition 0: it is away. Retrying in 0.2 s (attempt 1 failed).\n');
    for (const attempt of [2, 3]) reporter.event({ ...retry, attempt });
    reporter.event({ ...retry, partition: 1 });
    expect(stdout.read()).toBeNull();
    jest.advanceTimersByTime(30_000);
    reporter.event({ ...retry, attempt: 4, waitMs: 9_000 });
    expect(stdout.read()).toContain('Retrying in 9.0 s (attempt 4 failed; 3 retries since the last such line).\n');
    reporter.event({ ...retry, attempt: 5 });
    reporter.end(COMPLETE);
    expect(stdout.read()).toMatch(/^1 more retry: it is away\.\n/);
  });

  it('says of nothing that it is saved when the server has never answered', () => {
    const refused = Object.assign(new Error('x'), { code: 'ECONNREFUSED' });
    reporter.fail(new NoAnswerError(refused, 9, 15_200, 'db:5432/shop'));
    const said = String(stderr.read());
    expect(said).toContain('Tried db:5432/shop (host:port/database) 9 times in 15 s; this run changed nothing.\n');
    expect(said).not.toContain('saved');
  });

  it.each<[string, RotationResult, RegExp]>([
    ['complete', COMPLETE, /^'march' is complete: 95 tokens replaced, every row up to key 9007199254740993\.\n$/],
    [
      'already complete',
      { ...COMPLETE, alreadyComplete: true },
      /^'march' was completed at 2026-03-01 12:00:00 UTC \(95 tokens .*\)\. Nothing to do\. To rotate again, use --again with another --name/,
    ],
    [
      'interrupted',
      { outcome: 'interrupted', counts: { rowsDone: 30, rowsTotal: 95, totalIsEstimate: true } },
      /^stopped at 30 of about 95; everything committed is saved\. The same command continues from here\.\n$/,
    ],
    [
      'empty',
      { outcome: 'empty' },
      /^the table has no rows, so there is nothing to rotate\. Nothing was recorded\.\n$/,
    ],
  ])('says how it ended: %s', (_, result, expected) => {
    reporter.end(result);
    expect(stdout.read()).toMatch(expected);
  });

  it('ends with what this run did, and how fast, not what earlier runs did', () => {
    reporter.event({ ...STARTED, resumed: true, rowsDone: 30 });
    jest.advanceTimersByTime(2_000);
    reporter.event({ type: 'batch', rows: 65, durationMs: 50 });
    reporter.end(COMPLETE);
    expect(stdout.read()).toMatch(
      /'march' is complete: 95 tokens replaced, .*\nthis run: 65 rows in 2\.0 s, 33 rows\/s\n$/,
    );
  });

  it('shows how far it is meanwhile', () => {
    reporter.event(STARTED);
    reporter.event({ type: 'batch', rows: 19, durationMs: 50 });
    jest.advanceTimersByTime(5_000);
    expect(stdout.read()).toContain('march 20 % · 19 of 95');
    reporter.end(COMPLETE);
  });

  it('says that a signal was understood, with a progress display and without', () => {
    reporter.stopping('SIGTERM');
    expect(stdout.read()).toMatch(/^SIGTERM: finishing the batches in flight\. .*\n$/);
    reporter.event(STARTED);
    reporter.stopping('SIGINT');
    expect(stdout.read()).toMatch(/\nSIGINT: finishing the batches in flight\. .*\n$/);
    reporter.end(COMPLETE);
  });

  it('says on stderr, in one line, why it failed, and falls silent', () => {
    reporter.event(STARTED);
    stdout.read();
    reporter.fail(new ConfigurationError('--name is wrong'));
    jest.advanceTimersByTime(60_000);
    expect(stderr.read()).toBe('rotate-tokens: --name is wrong\n');
    expect(stdout.read()).toBeNull();
  });

  it('says nothing on stderr when all is well', () => {
    reporter.event(STARTED);
    reporter.end(COMPLETE);
    expect(stderr.read()).toBeNull();
  });
});

function logStream(): PassThrough {
  return new PassThrough({ encoding: 'utf8' });
}
