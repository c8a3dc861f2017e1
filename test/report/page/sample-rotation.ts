import type { ReportedRotation } from '../../../src/report/rotation-schema.ts';

type ReportedCheck = ReportedRotation['checks'][number];

/** A rotation that is complete and verified, unless said otherwise. */
export function sampleRotation(more: Partial<ReportedRotation> = {}): ReportedRotation {
  const run = { pid: 4242, databaseUser: 'shop', startedAt: '2026-03-01T12:00:00.000Z', rows: 500 };
  return {
    rotation: 'leak',
    target: 'tickets.token by id',
    database: 'db:5432/shop',
    state: 'complete',
    startedAt: '2026-03-01T12:00:00.000Z',
    completedAt: '2026-03-01T12:00:10.000Z',
    verifiedAt: '2026-03-01T12:00:11.000Z',
    rows: { done: 1_000, total: 1_000, totalIsEstimate: false, setAside: 0 },
    condemned: 1_000,
    listSha256: null,
    runs: [
      { ...run, host: 'web-2', endedAt: '2026-03-01T12:00:11.000Z', outcome: 'complete' },
      { ...run, host: 'web-1', endedAt: null, outcome: 'lost' },
    ],
    orders: [{ at: '2026-03-01T12:00:05.000Z', order: "'leak' was resumed by ada@web-1" }],
    checks: [checked([{ check: 'coverage', level: 'ok' }])],
    faults: [{ at: '2026-03-01T12:00:06.000Z', partition: 1, fault: 'the connection to the database was lost.' }],
    ...more,
  };
}

/** A verification that found this. */
export function checked(
  findings: Pick<ReportedCheck['findings'][number], 'check' | 'level'>[],
  more: Partial<ReportedCheck> = {},
): ReportedCheck {
  return {
    at: '2026-03-01T12:00:11.000Z',
    by: 'ada@web-1',
    databaseUser: 'shop',
    listSha256: null,
    tokensChecked: null,
    rowsFound: null,
    findings: findings.map(({ check, level }) => ({
      check,
      level,
      message: `${check} says ${level}.`,
      advice: level === 'stop' ? `Look into ${check}.` : null,
    })),
    ...more,
  };
}
