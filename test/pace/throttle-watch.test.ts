import { describe, expect, it } from '@jest/globals';
import { parseSettings } from '../../src/index.ts';
import type { Reading } from '../../src/pace/throttle-checks.ts';
import { watchThrottles } from '../../src/pace/throttle-watch.ts';
import { useTestDatabase } from '../support/database.ts';
import { ticketContext } from '../support/rotations.ts';
import { until } from '../support/until.ts';

describe('a watch over throttles', () => {
  const { database } = useTestDatabase();
  const settings = parseSettings({});
  const watch = (...reads: (() => Promise<Reading | null>)[]) =>
    watchThrottles(
      ticketContext(database),
      reads.map((read, index) => ({ reason: `--throttle-${index}`, read })),
      () => settings,
    );
  const reading = (load: number) => async () => ({ load, detail: `at ${load}` });

  it('lets everything pass below half of the limits, and where a throttle is turned off', async () => {
    const throttles = await watch(reading(0.49), async () => null);
    expect([throttles.holdsBack(), throttles.slowsDown()]).toEqual([undefined, undefined]);
    throttles.stop();
  });

  it.each([
    [0.5, 1],
    [0.75, 3],
    [0.9, 9],
  ])('slows down by degrees: at %d of the limit, the pause is %d times a batch', async (load, ratio) => {
    const throttles = await watch(reading(0.1), reading(load));
    expect(throttles.holdsBack()).toBeUndefined();
    expect(throttles.slowsDown()?.ratio).toBeCloseTo(ratio);
    expect(throttles.slowsDown()?.hold).toMatchObject({ reason: '--throttle-1', detail: `at ${load}` });
    throttles.stop();
  });

  it('holds the rotation back from the limit on, for the one that is furthest beyond its own', async () => {
    const throttles = await watch(reading(1), reading(2.5), reading(0));
    expect(throttles.holdsBack()).toMatchObject({ reason: '--throttle-1', detail: 'at 2.5' });
    throttles.stop();
  });

  it('holds it back while one cannot be read, and no longer', async () => {
    let fails = true;
    const throttles = await watch(async () => {
      if (fails) throw new Error('the secret of row 7');
      return { load: 0, detail: '' };
    });
    expect(throttles.holdsBack()).toMatchObject({ detail: '--throttle-0 cannot be read' });
    fails = false;
    await until(() => throttles.holdsBack() === undefined);
    throttles.stop();
  });

  it('holds it back when one does not answer', async () => {
    let hangs = false;
    const throttles = await watch(async () => (hangs ? new Promise(() => {}) : null));
    expect(throttles.holdsBack()).toBeUndefined();
    hangs = true;
    await until(() => throttles.holdsBack()?.detail === 'the throttles cannot be read');
    throttles.stop();
  });
});
