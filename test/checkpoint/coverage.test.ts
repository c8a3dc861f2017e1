import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import type { Checkpoint } from '../../src/checkpoint/checkpoints.ts';
import { findGap } from '../../src/checkpoint/coverage.ts';
import { cutRange } from '../../src/plan/partitions.ts';

/** As a database orders bigint keys. */
const BY_NUMBER = (key: string) => Number(key);

const NOW = new Date('2026-03-01T12:00:00Z');

/** Partitions that end at these keys, each beginning where the one before ends, of which nothing is done. */
function planned(...upperBounds: [string, ...string[]]): Checkpoint[] {
  const watermark = upperBounds.at(-1) ?? '';
  return cutRange(upperBounds.slice(0, -1), watermark).map((range, partition) => checkpoint(range, partition));
}

function checkpoint(range: Pick<Checkpoint, 'lowerBound' | 'upperBound'>, partition: number): Checkpoint {
  return {
    rotation: 'march',
    partition,
    ...range,
    cursor: null,
    rowsTotal: 10n,
    totalIsEstimate: false,
    rowsRotated: 0n,
    setAside: {},
    claimedBy: null,
    claimedUntil: null,
    claimedSince: null,
    lastFault: null,
    lastFaultAt: null,
    updatedAt: NOW,
    completedAt: null,
  };
}

/** The same, with one of them changed. */
function changed(checkpoints: readonly Checkpoint[], partition: number, change: Partial<Checkpoint>): Checkpoint[] {
  return checkpoints.map((each) => (each.partition === partition ? { ...each, ...change } : each));
}

describe('the partitions of a rotation', () => {
  const plan = planned('10', '20', '30');

  it.each([
    ['none of which has begun', plan],
    ['one of which is in the middle', changed(plan, 1, { cursor: '15', setAside: { 11: '55P03', 15: '23514' } })],
    [
      'one of which has only rows left that were set aside',
      changed(plan, 1, { cursor: '20', setAside: { 20: '55P03' } }),
    ],
    ['one of which is complete', changed(plan, 1, { cursor: '20', completedAt: NOW })],
    ['of which there is only one', planned('30')],
  ])('are trusted %s', (_, checkpoints) => {
    expect(findGap(checkpoints, '30', BY_NUMBER)).toBeUndefined();
  });

  it.each<[string, Checkpoint[], string]>([
    ['leave a gap', changed(plan, 1, { lowerBound: '12' }), 'partitions 0 and 1 leave a gap, from 10 to 12'],
    ['overlap', changed(plan, 1, { lowerBound: '8' }), 'partitions 0 and 1 overlap, from 8 to 10'],
    [
      'are two from the first key',
      changed(plan, 2, { lowerBound: null }),
      'partitions 1 and 2 overlap, from the first key to 20',
    ],
    [
      'have the same bounds twice',
      changed(plan, 2, { lowerBound: '10', upperBound: '20' }),
      'partitions 1 and 2 overlap, from 10 to 20',
    ],
    ['lack the first one', plan.slice(1), 'partition 0 is missing'],
    ['lack the last one', plan.slice(0, -1), 'partition 1, the last one, does not end at the watermark'],
    ['are all gone', [], 'all partitions are missing'],
    [
      'have one that is through but not marked complete',
      changed(plan, 1, { cursor: '20' }),
      'partition 1 is complete but not marked so',
    ],
    ['lack one', plan.filter(({ partition }) => partition !== 1), 'partition 1 is missing'],
    [
      'begin above the first key',
      changed(plan, 0, { lowerBound: '0' }),
      'partition 0 begins at 0, not at the first key',
    ],
    [
      'have one that ends before it begins',
      changed(plan, 2, { upperBound: '15' }),
      'partition 2 ends before it begins',
    ],
    ['have one that ends where it begins', changed(plan, 2, { upperBound: '20' }), 'partition 2 ends before it begins'],
    ['have a cursor above', changed(plan, 1, { cursor: '21' }), 'the cursor of partition 1 is outside the partition'],
    ['have a cursor below', changed(plan, 1, { cursor: '9' }), 'the cursor of partition 1 is outside the partition'],
    [
      'have a cursor just below',
      changed(plan, 1, { cursor: '10' }),
      'the cursor of partition 1 is outside the partition',
    ],
    [
      'have a row set aside above the cursor',
      changed(plan, 1, { cursor: '15', setAside: { 15: '55P03', 16: '55P03' } }),
      'partition 1 has set 16 aside, which its cursor has not reached',
    ],
    [
      'have a row set aside below the partition',
      changed(plan, 1, { cursor: '15', setAside: { 10: '55P03' } }),
      'partition 1 has set 10 aside, which its cursor has not reached',
    ],
    [
      'have a row set aside in one that has not begun',
      changed(plan, 1, { setAside: { 11: '55P03' } }),
      'partition 1 has set 11 aside, which its cursor has not reached',
    ],
    [
      'have one marked complete whose cursor is not at the end',
      changed(plan, 1, { cursor: '19', completedAt: NOW }),
      'partition 1 is marked complete but is not',
    ],
    [
      'have one marked complete that has not begun',
      changed(plan, 1, { completedAt: NOW }),
      'partition 1 is marked complete but is not',
    ],
    [
      'have one marked complete with rows set aside',
      changed(plan, 1, { cursor: '20', setAside: { 20: '55P03' }, completedAt: NOW }),
      'partition 1 is marked complete but is not',
    ],
  ])('are not trusted when they %s, saying where', (_, checkpoints, fault) => {
    expect(findGap(checkpoints, '30', BY_NUMBER)).toBe(fault);
  });

  it('are trusted in any state that sweeping leads to, whatever the plan', () => {
    return fc.assert(
      fc.property(sweptPlans, ({ checkpoints, watermark }) =>
        expect(findGap(checkpoints, watermark, BY_NUMBER)).toBeUndefined(),
      ),
    );
  });

  it('are refused when any bound is another one, whatever the plan and its state', () => {
    const otherBy = keys.filter((difference) => difference !== 0n);
    return fc.assert(
      fc.property(
        sweptPlans,
        fc.nat(),
        fc.boolean(),
        otherBy,
        ({ checkpoints, watermark }, nth, isLower, difference) => {
          const partition = nth % checkpoints.length;
          const bound = isLower ? 'lowerBound' : 'upperBound';
          const other = String(BigInt(checkpoints[partition]?.[bound] ?? 0n) + difference);
          expect(findGap(changed(checkpoints, partition, { [bound]: other }), watermark, BY_NUMBER)).toBeDefined();
        },
      ),
    );
  });
});

/** Close together, so that they meet the bounds, or anywhere that a number can tell apart. */
const keys = fc.oneof(fc.bigInt(-50n, 50n), fc.bigInt(-(2n ** 51n), 2n ** 51n));

interface Row {
  key: bigint;
  isInTheWay: boolean;
}

/** Plans with any cuts and watermark, each partition swept so far. */
const sweptPlans = fc
  .record({
    cuts: fc.array(keys, { maxLength: 10 }),
    watermark: keys,
    rows: fc.uniqueArray(fc.record<Row>({ key: keys, isInTheWay: fc.boolean() }), { selector: ({ key }) => key }),
    batches: fc.array(fc.nat(8), { maxLength: 11 }),
  })
  .map(({ cuts, watermark, rows, batches }) => ({
    watermark: String(watermark),
    checkpoints: cutRange(inOrder(cuts, watermark), String(watermark)).map((range, partition) =>
      sweptSoFar(checkpoint(range, partition), rows, batches[partition] ?? 0),
    ),
  }));

/** As the database gives them: those below the watermark. */
function inOrder(cuts: readonly bigint[], watermark: bigint): string[] {
  const below = cuts.filter((cut) => cut < watermark);
  return below.sort((a, b) => (a < b ? -1 : 1)).map(String);
}

/** A partition after so many batches of one row each; where there are fewer rows, it is swept to its end. */
function sweptSoFar(planned: Checkpoint, rows: readonly Row[], batches: number): Checkpoint {
  const { lowerBound, upperBound } = planned;
  const within = rows.filter(
    ({ key }) => (lowerBound === null || key > BigInt(lowerBound)) && key <= BigInt(upperBound),
  );
  const passed = within.sort((a, b) => (a.key < b.key ? -1 : 1)).slice(0, batches);
  const cursor = batches > within.length ? upperBound : (passed.at(-1)?.key.toString() ?? null);
  const setAside = Object.fromEntries(
    passed.filter(({ isInTheWay }) => isInTheWay).map(({ key }) => [String(key), '55P03']),
  );
  const isDone = cursor === upperBound && Object.keys(setAside).length === 0;
  return { ...planned, cursor, setAside, completedAt: isDone ? NOW : null };
}
