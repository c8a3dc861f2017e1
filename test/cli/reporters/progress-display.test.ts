import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { LINE_INTERVAL_MS, type ProgressDisplay, showProgress } from '../../../src/cli/reporters/progress-display.ts';

const START = { rowsDone: 0, rowsTotal: 1_000_000, totalIsEstimate: false };

beforeEach(() => {
  jest.useFakeTimers({ now: new Date('2026-03-01T12:00:00Z'), doNotFake: ['nextTick'] });
});
afterEach(() => {
  jest.useRealTimers();
});

/** 100,000 rows a second: a batch of 10,000 every 100 ms. */
function rotateFor(seconds: number, display: ProgressDisplay): void {
  for (let batch = 0; batch < seconds * 10; batch += 1) {
    jest.advanceTimersByTime(100);
    display.add(10_000);
  }
}

describe('progress on a terminal', () => {
  it('is a bar with share, rows, speed, elapsed time and time left', () => {
    const terminal = fakeTerminal();
    const display = showProgress('march', START, terminal.stream);
    rotateFor(4, display);
    display.stop();
    expect(terminal.lastDrawn()).toMatch(
      /^march \[█{12}░{18}\] 40 % · 400,000 of 1,000,000 · ETA 0:06 · 10\d,\d{3} rows\/s · 0:04 elapsed\n$/,
    );
  });

  it('is redrawn in place as time passes, although no batch commits', () => {
    const terminal = fakeTerminal();
    const display = showProgress('march', START, terminal.stream);
    jest.advanceTimersByTime(3_000);
    const drawn = terminal.drawn();
    display.stop();
    expect(drawn.slice(1).map((line) => / (\d:\d\d) elapsed/.exec(line)?.[1])).toEqual([
      '0:00',
      '0:01',
      '0:02',
      '0:03',
    ]);
    expect(drawn.join('')).not.toContain('\n');
  });

  it('says why it is held back, for as long as it is', () => {
    const terminal = fakeTerminal();
    const display = showProgress('march', START, terminal.stream);
    display.setWait('replica reader is 12.3 s behind', 5_000);
    jest.advanceTimersByTime(5_000);
    expect(terminal.lastDrawn()).toContain(' · ETA --:-- · held back: replica reader is 12.3 s behind · ');
    jest.advanceTimersByTime(2_000);
    expect(terminal.lastDrawn()).not.toContain('held back');
    display.stop();
  });

  it('knows no time left until the first batch has committed', () => {
    const terminal = fakeTerminal();
    const display = showProgress('march', START, terminal.stream);
    display.stop();
    expect(terminal.lastDrawn()).toContain('0 % · 0 of 1,000,000 · ETA --:-- · 0 rows/s · 0:00 elapsed');
  });

  it('begins where the rotation was resumed, and says when the total is an estimate', () => {
    const terminal = fakeTerminal();
    showProgress('march', { rowsDone: 500_000, rowsTotal: 1_000_000, totalIsEstimate: true }, terminal.stream).stop();
    expect(terminal.lastDrawn()).toContain('[███████████████░░░░░░░░░░░░░░░] 50 % · 500,000 of about 1,000,000');
  });

  it('is still a bar when everything is done, until it is stopped', () => {
    const terminal = fakeTerminal();
    const display = showProgress('march', START, terminal.stream);
    rotateFor(10, display);
    jest.advanceTimersByTime(1_000);
    expect(terminal.lastDrawn()).toMatch(/ 100 % · 1,000,000 of 1,000,000 · ETA 0:00 · /);
    expect(display.stop()).toMatchObject({ rowsDone: 1_000_000, fraction: 1, rowsThisRun: 1_000_000 });
    expect(terminal.lastDrawn()).toBe('\n');
  });

  it('gives way to a line that is said, and comes back below it', () => {
    const terminal = fakeTerminal();
    const display = showProgress('march', START, terminal.stream);
    rotateFor(1, display);
    const bar = terminal.lastDrawn();
    display.say('SIGINT: finishing the batch in flight');
    expect(terminal.lastDrawn()).toBe(`SIGINT: finishing the batch in flight\n${bar}`);
    display.stop();
  });

  it('fits on one line of a terminal of 80 columns, where a longer one could not be redrawn in place', () => {
    const terminal = fakeTerminal(80);
    const display = showProgress('default', START, terminal.stream);
    rotateFor(4, display);
    display.stop();
    const longest = Math.max(...terminal.drawn().map((line) => line.trimEnd().length));
    expect(longest).toBeLessThanOrEqual(80);
  });

  it('shows the label as it is, although it looks like part of the bar’s format', () => {
    const terminal = fakeTerminal();
    showProgress('march:bar:rows', START, terminal.stream).stop();
    expect(terminal.lastDrawn()).toMatch(/^march:bar:rows \[░{30}\] 0 % · 0 of 1,000,000 /);
  });

  it('is silent after it was stopped', () => {
    const terminal = fakeTerminal();
    showProgress('march', START, terminal.stream).stop();
    terminal.drawn();
    jest.advanceTimersByTime(60_000);
    expect(terminal.drawn()).toEqual(['']);
  });
});

describe('progress where there is no terminal', () => {
  it('is a plain line every few seconds, without control characters', () => {
    const log = new PassThrough({ encoding: 'utf8' });
    const display = showProgress('march', START, log);
    rotateFor(4, display);
    expect(log.read()).toBeNull();
    jest.advanceTimersByTime(LINE_INTERVAL_MS - 4_000);
    expect(log.read()).toMatch(
      /^2026-03-01 12:00:05 UTC march 40 % · 400,000 of 1,000,000 · ETA 0:0\d · \d\d,\d{3} rows\/s · 0:05 elapsed\n$/,
    );
    jest.advanceTimersByTime(3 * LINE_INTERVAL_MS);
    expect(log.read()).toMatch(/^(2026-03-01 12:00:\d\d UTC march [ -~·]+\n){3}$/);
    display.stop();
  });

  it('lets through what is said', () => {
    const log = new PassThrough({ encoding: 'utf8' });
    const display = showProgress('march', START, log);
    display.say('SIGTERM: finishing the batch in flight');
    expect(log.read()).toBe('SIGTERM: finishing the batch in flight\n');
    display.stop();
  });

  it('is silent after it was stopped, and says where it ended', () => {
    const log = new PassThrough({ encoding: 'utf8' });
    const display = showProgress('march', START, log);
    rotateFor(1, display);
    expect(display.stop()).toMatchObject({ rowsDone: 100_000, rowsTotal: 1_000_000, elapsedMs: 1_000 });
    jest.advanceTimersByTime(10 * LINE_INTERVAL_MS);
    expect(log.read()).toBeNull();
  });
});

/** A terminal that remembers what was written, each time the cursor went back to the start of the line. */
function fakeTerminal(columns = 200) {
  const text = new PassThrough({ encoding: 'utf8' });
  const stream = Object.assign(text, {
    isTTY: true,
    columns,
    cursorTo: () => text.write('\r'),
    clearLine: () => true,
  });
  /** Since the last call. */
  const drawn = () => String(text.read() ?? '').split('\r');
  return { stream, drawn, lastDrawn: () => drawn().at(-1) ?? '' };
}
