import { describe, expect, it } from '@jest/globals';
import { openGate } from '../../src/database/gate.ts';

/** Steps that end when they are told to, and how many of them run. */
function startSteps(gate: ReturnType<typeof openGate>, count: number) {
  const ends: (() => void)[] = [];
  const steps = Array.from({ length: count }, () =>
    gate.pass(() => new Promise<void>((resolve) => ends.push(resolve))),
  );
  return { ends, steps, running: () => new Promise((resolve) => setImmediate(() => resolve(ends.length))) };
}

describe('a gate', () => {
  it('lets everything pass until it has a limit', async () => {
    const { ends, steps, running } = startSteps(openGate(), 5);
    expect(await running()).toBe(5);
    for (const end of ends) end();
    await Promise.all(steps);
  });

  it('lets so many run at a time, in the order in which they came, also when that number is changed', async () => {
    const gate = openGate();
    let most = 2;
    gate.limit(() => most);
    const { ends, steps, running } = startSteps(gate, 5);
    expect(await running()).toBe(2);
    ends[0]?.();
    expect(await running()).toBe(3);
    most = 4;
    ends[1]?.();
    expect(await running()).toBe(5);
    for (const end of ends) end();
    await Promise.all(steps);
  });

  it('passes results and errors on, and has room again after each', async () => {
    const gate = openGate();
    gate.limit(() => 1);
    expect(await gate.pass(async () => 7)).toBe(7);
    await expect(gate.pass(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await gate.pass(async () => 8)).toBe(8);
  });
});
