import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import {
  addDuration,
  EMPTY_HISTOGRAM,
  LEAST_MS,
  MOST_MS,
  mergeHistograms,
  PERCENTILE_ERROR,
  percentileMs,
} from '../../src/report/histogram.ts';

const durations = fc.array(fc.double({ min: LEAST_MS, max: MOST_MS, noNaN: true }), { minLength: 1 });
const share = fc.double({ min: 0.001, max: 1, noNaN: true });

const histogramOf = (values: number[]) => values.reduce(addDuration, EMPTY_HISTOGRAM);

describe('a histogram of durations', () => {
  it('knows each percentile to the error it states', () =>
    fc.assert(
      fc.property(durations, share, (values, share) => {
        const exact = values.toSorted((a, b) => a - b)[Math.ceil(share * values.length) - 1] ?? 0;
        const estimate = percentileMs(histogramOf(values), share) ?? 0;
        expect(Math.abs(estimate - exact) / exact).toBeLessThanOrEqual(PERCENTILE_ERROR + 1e-9);
      }),
    ));

  it('of the whole is what the histograms of its parts add up to', () =>
    fc.assert(
      fc.property(durations, durations, (some, others) => {
        const whole = histogramOf([...some, ...others]);
        const { count, maxMs, bins } = mergeHistograms(histogramOf(some), histogramOf(others));
        expect({ count, maxMs }).toEqual({ count: whole.count, maxMs: whole.maxMs });
        expect(new Map([...bins].sort())).toEqual(new Map([...whole.bins].sort()));
      }),
    ));

  it('has no more bins than it states, whatever the durations', () => {
    const anything = fc.double({ min: 0, max: Number.MAX_VALUE, noNaN: true });
    const [shortest, longest] = [histogramOf([0]), histogramOf([Number.MAX_VALUE])].map(
      ({ bins }) => [...bins.keys()][0],
    );
    const most = Number(longest) - Number(shortest) + 1;
    expect(most).toBe(1_030);
    return fc.assert(
      fc.property(fc.array(anything), (values) => {
        expect(
          [...histogramOf(values).bins.keys()].filter((bin) => bin < Number(shortest) || bin > Number(longest)),
        ).toEqual([]);
      }),
    );
  });

  it('knows the longest duration exactly, and no percentile above it', () => {
    const histogram = histogramOf([100, 200.25]);
    expect(histogram.maxMs).toBe(200.25);
    expect(percentileMs(histogram, 1)).toBeLessThanOrEqual(200.25);
  });

  it('has no percentile without a duration', () => {
    expect(percentileMs(EMPTY_HISTOGRAM, 0.5)).toBeNull();
  });
});
