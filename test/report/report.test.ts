import { describe, expect, it } from '@jest/globals';
import {
  ConfigurationError,
  type Finding,
  GaveUpError,
  HeldByAnotherProcessError,
  parseSettings,
  type Report,
  type RotationEvent,
  type RotationResult,
  RowsNotRotatedError,
  reportSchema,
} from '../../src/index.ts';
import { buildReport, type RunEnd, type RunFacts } from '../../src/report/report.ts';
import { recordEvent, recordMemory, startRunRecord } from '../../src/report/run-record.ts';
import { TICKETS } from '../support/tickets.ts';

const STARTED = {
  type: 'started',
  resumed: false,
  rowsDone: 0,
  rowsTotal: 1_000,
  totalIsEstimate: false,
  partitions: 4,
} as const;

const BATCHES: RotationEvent[] = [STARTED, ...Array(10).fill({ type: 'batch', rows: 100, durationMs: 250 })];

const COMPLETE: RotationResult = {
  outcome: 'complete',
  alreadyComplete: false,
  rowsDone: 1_000,
  watermark: '9007199254740993',
  startedAt: new Date('2026-03-01T12:00:00Z'),
  completedAt: new Date('2026-03-01T12:00:10Z'),
  verifiedAt: new Date('2026-03-01T12:00:12Z'),
};

const TOKEN = '5f0c2b1e-7d3a-4c8e-9a61-0b2d4e6f8a1c';

const VERIFIED: Finding[] = [
  { check: 'coverage', level: 'ok', message: 'Every partition is complete' },
  { check: 'uniqueness', level: 'ok', message: 'No two rows share a token.' },
];

function report(end: RunEnd, events: RotationEvent[] = BATCHES, more: Partial<RunFacts> = {}): Report {
  const record = events.reduce(
    (record, event, index) => recordEvent(record, event, 5_000 + index * 1_000),
    recordMemory(startRunRecord(5_000), 120_000_000, 5_000),
  );
  const written = buildReport({
    version: '1.2.3',
    database: 'db:5432/shop',
    by: { who: 'ops@pod-1', databaseUser: 'rotator' },
    target: TICKETS,
    settings: parseSettings({ name: 'march' }),
    record,
    startedAt: new Date('2026-03-01T12:00:00Z'),
    endedAtMs: 17_000,
    end,
    ...more,
  });
  // What is read back from a file is the same, and of the stated form.
  expect(reportSchema.parse(JSON.parse(JSON.stringify(written)))).toEqual(written);
  return written;
}

const summaryOf = (...facts: Parameters<typeof report>) => report(...facts).summary;

describe('the report of a run', () => {
  it('says what was rotated, when, by which version and with which settings', () => {
    expect(report({ result: COMPLETE })).toMatchObject({
      format: 1,
      tool: { name: 'rotate-tokens', version: '1.2.3' },
      rotation: 'march',
      target: 'tickets.token by id',
      database: 'db:5432/shop',
      startedAt: '2026-03-01T12:00:00.000Z',
      endedAt: '2026-03-01T12:00:12.000Z',
      outcome: 'complete',
      completedAt: '2026-03-01T12:00:10.000Z',
      error: null,
      settings: { name: 'march', batchSize: 'auto', targetBatchMs: 250, asynchronousCommit: true },
      watermark: '9007199254740993',
      partitions: { count: 4, overtaken: 0 },
      peakRssBytes: 120_000_000,
    });
  });

  it('says how long the whole rotation took, where earlier runs had begun it', () => {
    const resumed = report({ result: { ...COMPLETE, startedAt: new Date('2026-03-01T11:00:00Z') } });
    expect(resumed.rotationStartedAt).toBe('2026-03-01T11:00:00.000Z');
    expect(resumed.summary).toContain(
      '\nops@pod-1 ran it from 2026-03-01 12:00:00 UTC to 2026-03-01 12:00:12 UTC (12.0 s), as database user rotator, with rotate-tokens 1.2.3. The whole rotation took from 2026-03-01 11:00:00 UTC to 2026-03-01 12:00:10 UTC (1 h 00 min).\n',
    );
  });

  it('counts rows and batches, and how long they took', () => {
    const { rows, batches, series } = report({ result: COMPLETE });
    expect(rows).toEqual({
      done: 1_000,
      doneIsExact: true,
      total: 1_000,
      totalIsEstimate: false,
      before: 0,
      thisRun: 1_000,
      perSecond: 100,
    });
    expect(batches).toEqual({ count: 10, blocked: 0, p50Ms: 250, p90Ms: 250, p99Ms: 250, maxMs: 250 });
    expect(series.points).toHaveLength(12);
  });

  it.each<[Report['outcome'], RunEnd, RotationEvent[]]>([
    ['complete', { result: COMPLETE }, BATCHES],
    ['already-complete', { result: { ...COMPLETE, alreadyComplete: true } }, []],
    ['interrupted', { result: { outcome: 'interrupted', counts: null } }, [STARTED]],
    ['empty', { result: { outcome: 'empty' } }, []],
    ['failed', { error: new Error('anything') }, []],
    ['failed', { error: 'not even an error' }, BATCHES],
  ])('is of the stated form when the outcome is %s', (outcome, end, events) => {
    expect(report(end, events).outcome).toBe(outcome);
  });

  it('has each fault and how often it was met, pauses by reason, and rows that were set aside', () => {
    const retry: RotationEvent = { type: 'retry', partition: 1, attempt: 1, waitMs: 200, fault: 'a deadlock' };
    const events: RotationEvent[] = [
      ...BATCHES,
      { ...retry, fault: 'a lost connection' },
      retry,
      retry,
      { type: 'throttled', reason: 'a replica is behind', detail: 'a replica is behind', waitMs: 1_500.4 },
      { type: 'setAside', partition: 1, key: '7', fault: 'locked' },
      { type: 'blocked', pids: [1] },
      { type: 'overtaken', partition: 1 },
    ];
    expect(report({ result: COMPLETE }, events, { endedAtMs: 30_000 })).toMatchObject({
      retries: 3,
      retryWaitMs: 600,
      faults: [
        { fault: 'a deadlock', count: 2 },
        { fault: 'a lost connection', count: 1 },
      ],
      throttledMs: { 'a replica is behind': 1_500 },
      rowsSetAside: 1,
      setAside: [{ key: '7', fault: 'locked' }],
      batches: { blocked: 1 },
      partitions: { overtaken: 1 },
    });
  });

  it('has what was found before and after', () => {
    const preflight: Finding[] = [
      { check: 'triggers', level: 'warning', message: 'It has one.', advice: 'Look at it.' },
    ];
    const written = report({ result: COMPLETE }, BATCHES, { preflight, verification: VERIFIED });
    expect(written.preflight).toEqual(preflight);
    expect(written.verification).toEqual(VERIFIED.map((finding) => ({ ...finding, advice: null })));
  });

  it('names rows that could not be rotated, and why; of very many it counts the others', () => {
    const rows = Array.from({ length: 1_200 }, (_, index) => ({ key: `${index}`, fault: '55P03' }));
    const { notRotated } = report({ error: new RowsNotRotatedError('march', rows) });
    expect(notRotated.count).toBe(1_200);
    expect(notRotated.rows).toHaveLength(1_000);
    expect(notRotated.rows[7]).toEqual({
      key: '7',
      fault: expect.stringMatching(/^55P03: Another session/),
    });
  });

  it('never has a total below what is done', () => {
    const grown = report({ error: new Error() }, [
      { ...STARTED, rowsTotal: 500, totalIsEstimate: true },
      ...BATCHES.slice(1),
    ]);
    expect(grown.rows).toMatchObject({ done: 1_000, doneIsExact: false, total: 1_000, totalIsEstimate: true });
  });

  it('holds no token, whatever the error holds', () => {
    const cause = Object.assign(new Error(`Key (token)=(${TOKEN}) already exists`), { code: '23505', detail: TOKEN });
    for (const error of [cause, new GaveUpError(cause, 3, 1_000), new Error(TOKEN, { cause })]) {
      expect(JSON.stringify(report({ error }))).not.toContain(TOKEN);
    }
  });
});

describe('the summary of a run', () => {
  it('that completed says what was replaced, when, that it was exactly once, and what is left to do', () => {
    expect(summaryOf({ result: COMPLETE }, BATCHES, { verification: VERIFIED })).toBe(
      [
        "Rotation 'march' of tickets.token by id in db:5432/shop is complete: each of its tokens was replaced by a fresh random one.",
        'ops@pod-1 ran it from 2026-03-01 12:00:00 UTC to 2026-03-01 12:00:12 UTC (12.0 s), as database user rotator, with rotate-tokens 1.2.3.',
        '1,000 rows up to key 9007199254740993 were each rotated exactly once: all by this run. Every batch was committed in one transaction with its checkpoint. Rows with higher keys were left unchanged, unless they held a condemned token.',
        'Verified: Every partition is complete. No two rows share a token.',
        'Nothing is left to do for this rotation.',
      ].join('\n'),
    );
  });

  it('does not call it complete where the verification found a problem', () => {
    const verification: Finding[] = [
      ...VERIFIED,
      { check: 'leaked', level: 'stop', message: '3 leaked tokens are valid', advice: 'Rotate under another --name' },
    ];
    const summary = summaryOf({ result: COMPLETE }, BATCHES, { verification });
    expect(summary).toMatch(/^Rotation 'march' .* finished, but verification failed\.\n/);
    expect(summary).toContain('THE VERIFICATION FOUND 1 PROBLEM: 3 leaked tokens are valid. Verified: Every partition');
    expect(summary).toMatch(/\nTo do: Rotate under another --name\.$/);
    expect(summary).not.toMatch(/is complete:|Nothing is left/);
  });

  it('tells what this run did from what was done before, and from what it cannot know to be its own', () => {
    const events: RotationEvent[] = [
      { ...STARTED, resumed: true, rowsDone: 300 },
      { type: 'batch', rows: 600, durationMs: 1 },
    ];
    expect(summaryOf({ result: COMPLETE }, events)).toMatch(
      /rotated exactly once: 300 before this run, 600 by this run, 100 by other processes at the same time, or in batches whose confirmation was lost/,
    );
  });

  it('of a rotation that was complete already says that nothing was changed', () => {
    const summary = summaryOf({ result: { ...COMPLETE, alreadyComplete: true } }, []);
    expect(summary).toContain('The result was verified on 2026-03-01 12:00:12 UTC.');
    expect(summary).toContain('Nothing is left to do');
    expect(summary).toMatch(
      /^Rotation 'march' .* was completed by an earlier run \(on 2026-03-01 12:00:10 UTC\)\. This run changed nothing\.\n/,
    );
    expect(summary).toContain('1,000 rows up to key 9007199254740993 were each rotated exactly once. Every');
  });

  it('that was interrupted says how much is left, and how to continue', () => {
    const counts = { rowsDone: 400, rowsTotal: 1_000, totalIsEstimate: true };
    const summary = summaryOf({ result: { outcome: 'interrupted', counts } }, [
      STARTED,
      { type: 'batch', rows: 400, durationMs: 1 },
    ]);
    expect(summary).toMatch(/^Rotation 'march' .* was interrupted\. It is NOT complete\.\n/);
    expect(summary).toContain(
      '400 rows of about 1,000 have been rotated, each exactly once: all by this run. About 600 still have their leaked token, which still works.',
    );
    expect(summary).toContain('To do: run the same command again (--name march). It continues after the last');
  });

  it('that was interrupted where nobody answers claims no more than is certain', () => {
    const summary = summaryOf({ result: { outcome: 'interrupted', counts: null } });
    expect(summary).toContain('It is NOT known to be complete.');
    expect(summary).toContain('At least 1,000 rows have been rotated');
    expect(summary).toContain('It is unknown whether a leaked token is left.');
  });

  it('that failed says why, what is certain, and how to continue', () => {
    const error = new GaveUpError(Object.assign(new Error(), { code: 'ECONNREFUSED' }), 7, 300_000);
    const summary = summaryOf({ error }, [STARTED, { type: 'batch', rows: 1, durationMs: 1 }]);
    expect(summary).toMatch(
      / failed\. It is NOT known to be complete\. The error: the database server cannot be reached\..* Gave up after 7 attempts/,
    );
    expect(summary).toContain(
      'At least 1 row of 1,000 has been rotated, each exactly once: all by this run. About 999 still',
    );
    expect(summary).toContain('To do: run the same command again (--name march). It continues after');
  });

  it('that failed before it began says that nothing was changed', () => {
    const summary = summaryOf({ error: new ConfigurationError('the table is missing') }, []);
    expect(summary).toContain('The error: the table is missing.\n');
    expect(summary).toContain('It ended before the rotation began, so this run changed no token.');
    expect(summary).toContain('To do: correct the error, then run the same command again (--name march).');
  });

  it('that left rows out says that these still have their leaked token', () => {
    const summary = summaryOf({ error: new RowsNotRotatedError('march', [{ key: '7', fault: '55P03' }]) });
    expect(summary).toContain(
      'failed. It is NOT complete. The error: 1 row could not be rotated, and still has its leaked token. By key: 7 (55P03).',
    );
    expect(summary).toContain('To do: 1 row still has its leaked token. Find out what locks or refuses');
  });

  it('of a run that others left nothing to does not call it a failure', () => {
    const summary = summaryOf({ error: new HeldByAnotherProcessError('march', ['web-1:42:x']) }, [STARTED]);
    expect(summary).toMatch(
      /^Rotation 'march' .* was not continued by this run, since other processes are running it: rotation 'march' is being run by web-1:42:x\./,
    );
    expect(summary).toContain('To do: wait for the other processes,');
    expect(summary).not.toContain('failed');
  });

  it('of an empty table says that there was nothing to do', () => {
    expect(summaryOf({ result: { outcome: 'empty' } }, [])).toMatch(
      /^tickets\.token by id in db:5432\/shop has no rows, .*\nops@pod-1 ran it .*\nNothing is left to do\.$/,
    );
  });

  it('says what was met on the way', () => {
    const events: RotationEvent[] = [
      ...BATCHES,
      { type: 'retry', partition: 1, attempt: 1, waitMs: 200, fault: 'a deadlock' },
      { type: 'setAside', partition: 1, key: '7', fault: 'locked' },
      { type: 'overtaken', partition: 1 },
      { type: 'throttled', reason: 'a replica', detail: 'a replica', waitMs: 2_000 },
    ];
    expect(summaryOf({ result: COMPLETE }, events)).toContain(
      '\nDuring the run, 1 fault was retried, 1 locked or refused row was rotated last, 1 partition went to another process and the workers paused for 2.0 s in total.\n',
    );
  });
});
