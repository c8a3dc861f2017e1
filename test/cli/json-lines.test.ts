import { describe, expect, it } from '@jest/globals';
import { eventHook } from '../../src/cli/json-lines.ts';

describe("a project's onEvent", () => {
  const collect = (onEvent: (event: unknown) => unknown) => {
    let failures = 0;
    const hook = eventHook('march', onEvent, () => {
      failures += 1;
    });
    return { hook, failures: () => failures };
  };

  it('gets what --json prints', async () => {
    const events: unknown[] = [];
    const { hook } = collect((event) => events.push(event));
    hook.write('started', { rowsDone: 7n, at: new Date('2026-03-01T12:00:00Z') });
    expect(await hook.settled()).toBe(true);
    expect(events).toEqual([
      { event: 'started', rotation: 'march', time: expect.any(String), rowsDone: '7', at: '2026-03-01T12:00:00.000Z' },
    ]);
  });

  it('is called for each event although it fails, which is reported once', async () => {
    let calls = 0;
    const { hook, failures } = collect(() => {
      calls += 1;
      throw new Error('no');
    });
    hook.write('started', {});
    hook.write('complete', {});
    await hook.settled();
    expect([calls, failures()]).toEqual([2, 1]);
  });

  it('is called for the next event while it works on one, and waited for at the end', async () => {
    const ends: (() => void)[] = [];
    const { hook } = collect(() => new Promise<void>((resolve) => ends.push(resolve)));
    hook.write('started', {});
    hook.write('complete', {});
    expect(ends).toHaveLength(2);
    const settled = hook.settled();
    for (const end of ends) end();
    expect(await settled).toBe(true);
  });

  it('is waited for only so long', async () => {
    const { hook } = collect(() => new Promise(() => {}));
    hook.write('complete', {});
    expect(await hook.settled()).toBe(false);
  });
});
