import { describe, expect, it } from '@jest/globals';
import {
  formatBytes,
  formatClock,
  formatCount,
  formatDuration,
  formatPercent,
  formatSeconds,
  formatTime,
  formatTotal,
} from '../../src/text/format.ts';

describe('for people,', () => {
  it.each([
    [0, '0'],
    [999, '999'],
    [1_000_000, '1,000,000'],
    [148_231.6, '148,232'],
  ])('the count %p is %s', (count, text) => {
    expect(formatCount(count)).toBe(text);
  });

  it('a total says when it is an estimate', () => {
    expect(formatTotal({ rowsTotal: 1_000_000, totalIsEstimate: false })).toBe('1,000,000');
    expect(formatTotal({ rowsTotal: 1_000_000, totalIsEstimate: true })).toBe('about 1,000,000');
  });

  it.each([
    [null, '--:--'],
    [0, '0:00'],
    [7_000, '0:07'],
    [59_600, '1:00'],
    [750_000, '12:30'],
    [3_599_600, '1:00:00'],
    [3_723_000, '1:02:03'],
    [360_000_000, '100:00:00'],
  ])('%p ms on the clock are %s', (ms, text) => {
    expect(formatClock(ms)).toBe(text);
  });

  it.each([
    [0, '0.0 s'],
    [6_849, '6.8 s'],
    [60_000, '1 min 0 s'],
    [750_999, '12 min 30 s'],
    [3_600_000, '1 h 00 min'],
    [3_720_000, '1 h 02 min'],
  ])('%p ms are %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });

  it('a duration is never 60 seconds, since that is a minute', () => {
    expect(formatDuration(59_960)).not.toBe('60.0 s');
  });

  it.each([
    [0, '0 %'],
    [0.4567, '45 %'],
    [0.999_999, '99 %'],
    [1, '100 %'],
  ])('the fraction %p is %s, rounded down, so that 100 %% is all of it', (fraction, text) => {
    expect(formatPercent(fraction)).toBe(text);
  });

  it('every whole number of hundredths is that percentage', () => {
    const hundredths = Array.from({ length: 101 }, (_, index) => index);
    expect(hundredths.map((rows) => formatPercent(rows / 100))).toEqual(hundredths.map((rows) => `${rows} %`));
  });

  it('a time is in UTC and says so', () => {
    expect(formatTime(new Date('2026-11-22T01:05:11.987+02:00'))).toBe('2026-11-21 23:05:11 UTC');
  });
});

describe('bytes', () => {
  it.each([
    [0, '0 bytes'],
    [640, '640 bytes'],
    [1_540, '1.5 kB'],
    [812_300_000, '812 MB'],
    [3_200_000_000, '3.2 GB'],
  ])('%d are written as %s', (bytes, expected) => {
    expect(formatBytes(bytes)).toBe(expected);
  });

  it.each([
    [0.25, '0.3 s'],
    [5, '5 s'],
    [119.4, '119 s'],
    [300, '5 min'],
    [7_100, '118 min'],
    [9_000, '2.5 h'],
  ])('%p seconds, more or less, are %s', (seconds, text) => {
    expect(formatSeconds(seconds)).toBe(text);
  });
});
