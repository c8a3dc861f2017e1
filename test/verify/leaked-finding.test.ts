import { describe, expect, it } from '@jest/globals';
import { type LeakedJudgement, leakedFinding, noListFinding } from '../../src/verify/leaked-finding.ts';
import type { LeakedTokens } from '../../src/verify/survivors.ts';
import { keysUpTo } from '../support/tickets.ts';

const NO_ROWS = { count: 0, keys: [] };
const NONE: LeakedTokens = {
  checked: 1_000,
  unreadable: { count: 0, lines: [] },
  survivors: NO_ROWS,
  outOfScope: NO_ROWS,
  column: 'known',
};
const keys = keysUpTo(1_000).map(String);

const find = (tokens: Partial<LeakedTokens>, judgement: Partial<LeakedJudgement> = {}) =>
  leakedFinding({ ...NONE, ...tokens }, { state: 'complete', allowUnreadable: 0, ...judgement });

describe('the finding about leaked tokens', () => {
  it.each<[string, Partial<LeakedTokens>, number, string]>([
    ['is ok when none works', {}, 0, 'ok'],
    ['is not conclusive when a line could not be read', { unreadable: { count: 1, lines: [5] } }, 0, 'stop'],
    ['warns of such lines where so many are allowed', { unreadable: { count: 2, lines: [5, 9] } }, 2, 'warning'],
    ['is not conclusive when there are more than are allowed', { unreadable: { count: 3, lines: [5] } }, 2, 'stop'],
    [
      'is not conclusive when no line could be read, however many may be',
      { checked: 0, unreadable: { count: 3, lines: [1] } },
      9,
      'stop',
    ],
    ['is not conclusive when the list is empty', { checked: 0 }, 0, 'stop'],
    ['warns when the column is empty', { column: 'empty' }, 0, 'warning'],
    ['warns when the column has values of no known form', { column: 'partly unknown' }, 0, 'warning'],
    ['stops when one works', { survivors: { count: 1, keys: ['7'] } }, 0, 'stop'],
    ['stops when one works outside the scope', { outOfScope: { count: 1, keys: ['7'] } }, 0, 'stop'],
  ])('%s', (_, tokens, allowUnreadable, level) => {
    expect(find(tokens, { allowUnreadable })).toMatchObject({ check: 'leaked-list', level });
  });

  it('names twenty of many rows that work, and how many there are', () => {
    const { message } = find({ survivors: { count: 2_500, keys } });
    expect(message).toContain(`on 2,500 rows, by key: ${keys.slice(0, 20).join(', ')} and 2,480 more`);
  });

  it('says which rows are outside the scope', () => {
    const [one, two] = [
      { count: 1, keys: ['7'] },
      { count: 2, keys: ['8', '9'] },
    ];
    expect(find({ outOfScope: two }).message).toContain('2 rows, all outside the scope, by key: 8, 9');
    expect(find({ survivors: one, outOfScope: two }).message).toContain('3 rows: 1 in the scope, by key: 7; 2 outside');
  });

  it('advises what fits the state of the rotation', () => {
    const survivors = { count: 1, keys: ['7'] };
    const advice = (['complete', 'incomplete', 'unrecorded'] as const).map(
      (state) => find({ survivors }, { state }).advice,
    );
    expect(advice[0]).toContain('--again');
    expect(advice[1]).toContain('Run it again');
    expect(advice[2]).toContain('--name');
    const outside = find({ outOfScope: survivors }, { state: 'complete' }).advice;
    expect(outside).not.toContain('--again');
  });

  it('is a warning where no list was given', () => {
    expect(noListFinding()).toMatchObject({ check: 'leaked-list', level: 'warning' });
  });
});
