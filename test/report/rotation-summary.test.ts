import { describe, expect, it } from '@jest/globals';
import { LEAKED_LIST } from '../../src/finding.ts';
import type { ReportedRotation } from '../../src/report/rotation-schema.ts';
import { latestFindings, standingOf, summariseMissing, summariseRotation } from '../../src/report/rotation-summary.ts';
import { checked, sampleRotation } from './page/sample-rotation.ts';

const ok = checked([{ check: 'coverage', level: 'ok' }]);
const stopped = checked([{ check: 'condemned-tokens', level: 'stop' }]);
const found = checked([{ check: LEAKED_LIST, level: 'stop' }], { listSha256: 'aa', tokensChecked: 9, rowsFound: 2 });
const foundNone = checked([{ check: LEAKED_LIST, level: 'ok' }], { listSha256: 'aa', tokensChecked: 9, rowsFound: 0 });
const wrongList = checked([{ check: LEAKED_LIST, level: 'stop' }], {
  listSha256: 'bb',
  tokensChecked: 0,
  rowsFound: 0,
});
const noList = checked([{ check: LEAKED_LIST, level: 'warning' }]);

describe('the standing of a rotation', () => {
  const standing = (checks: ReportedRotation['checks'], more: Partial<ReportedRotation> = {}) =>
    standingOf(sampleRotation({ checks, ...more }));

  it('is that of its state and of the last verification, the last one first', () => {
    expect(standing([ok])).toBe('verified');
    expect(standing([ok, stopped])).toBe('verified');
    expect(standing([stopped, ok])).toBe('problem');
    expect(standing([], { verifiedAt: null })).toBe('unverified');
    expect(standing([stopped], { state: 'stopped', completedAt: null, verifiedAt: null })).toBe('incomplete');
  });

  it('has a problem while the last look-up of some list found a token that works', () => {
    expect(standing([found])).toBe('problem');
    expect(standing([noList, found])).toBe('problem');
    expect(standing([foundNone, found])).toBe('verified');
    expect(standing([found, foundNone])).toBe('problem');
  });

  it('has a problem with a list that was not conclusive, until another one was looked up', () => {
    expect(standing([wrongList])).toBe('problem');
    expect(standing([foundNone, wrongList])).toBe('verified');
    expect(standing([wrongList, foundNone])).toBe('problem');
  });

  it('takes no list for something that was found only where none was given', () => {
    expect(latestFindings(sampleRotation({ checks: [noList] }))).toEqual([]);
  });
});

describe('the summary of a rotation', () => {
  it('never says that all is well when it is not', () => {
    for (const checks of [[stopped], [found], [wrongList]]) {
      const text = summariseRotation(sampleRotation({ checks }));
      expect(text).toContain('VERIFICATION FOUND A PROBLEM');
      expect(text).not.toContain('Nothing is left to do');
    }
    const open = summariseRotation(
      sampleRotation({ state: 'stopped', completedAt: null, verifiedAt: null, checks: [] }),
    );
    expect(open).toMatch(/is NOT complete \(stopped\): 1,000 of 1,000 rows/);
    expect(open).toContain('It was never verified.');
    const missing = { rotation: 'leak', why: 'not begun' } as const;
    expect(summariseMissing(missing)).toContain("Rotation 'leak' has NOT begun");
    expect(summariseMissing({ ...missing, why: 'unreadable' })).toContain("Rotation 'leak' is NOT known");
  });

  it('names who worked on it, and each list that was looked up with what came of it', () => {
    const text = summariseRotation(sampleRotation({ checks: [foundNone, wrongList] }));
    expect(text).toContain('2 processes worked on it, on web-1 and web-2, as database user shop.');
    expect(text).toContain('ada@web-1 looked up the list with SHA-256 aa: leaked-list says ok.');
    expect(text).toContain('looked up the list with SHA-256 bb: leaked-list says stop.');
    expect(text).toContain('Nothing is left to do for this rotation.');
  });

  it('says so where only the tokens of a list were replaced', () => {
    expect(summariseRotation(sampleRotation({ listSha256: 'cc' }))).toContain(
      'only tokens of the list with SHA-256 cc.',
    );
  });
});
