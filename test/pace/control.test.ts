import { describe, expect, it } from '@jest/globals';
import { giveOrder, type NewOrder } from '../../src/checkpoint/orders.ts';
import { beginRun } from '../../src/checkpoint/runs.ts';
import { parseSettings, type RotationEvent, readStatus, rotate } from '../../src/index.ts';
import { startControl } from '../../src/pace/control.ts';
import { useTestDatabase } from '../support/database.ts';
import { planTickets, storeFor, ticketContext } from '../support/rotations.ts';
import { changesPerTicket, insertTickets, keysUpTo, recordTokenChanges, TICKETS } from '../support/tickets.ts';
import { until } from '../support/until.ts';

const ROWS = 60_000; // several partitions

describe('a rotation that is steered while it runs', () => {
  const { database } = useTestDatabase();
  const prepare = async (rows = ROWS) => {
    await insertTickets(database, keysUpTo(rows));
    await recordTokenChanges(database);
  };
  const start = (settings: object, signal = new AbortController().signal) => {
    const events: RotationEvent[] = [];
    const given = parseSettings({ name: 'test', batchSize: 100, ...settings });
    const running = rotate(
      ticketContext(database, { settings: given, signal, onEvent: (event) => events.push(event) }),
    );
    running.catch(() => {}); // looked at later
    return { running, events };
  };
  const order = (action: NewOrder['action'], more: Partial<NewOrder> = {}) =>
    giveOrder(storeFor(database), {
      action,
      pauseMs: 60_000,
      overrides: {},
      reason: 'replica rebuild',
      givenBy: 'ada@web-1',
      ...more,
    });
  const status = async () => {
    const [status] = await readStatus(database, TICKETS.records);
    if (status === undefined) throw new Error('there is no rotation');
    return status;
  };
  const rowsDone = async () => (await status()).rowsDone;
  const untilItRuns = () => until(async () => (await database.rotation.count()) > 0 && (await rowsDone()) > 0);
  const untilPaused = () =>
    until(async () => (await status()).processes.every(({ heldBackBy }) => heldBackBy === 'pause'));

  it('writes nothing while it is paused, keeps its claims, says by whom and why, and continues', async () => {
    await prepare();
    const { running, events } = start({ maxRowsPerSecond: 20_000 });
    await untilItRuns();
    const given = await order('pause');
    await untilPaused();
    const paused = await rowsDone();
    await new Promise((resolve) => setTimeout(resolve, 4_000)); // longer than a claim lasts
    const now = await status();
    expect(now).toMatchObject({ rowsDone: paused, state: 'paused', pausedUntil: given.pausedUntil });
    expect(now.partitions.filter(({ state }) => state === 'held')).toHaveLength(2);
    expect(now.processes).toMatchObject([
      { workers: 2, heldBackDetail: expect.stringMatching(/^paused until .* by ada@web-1: replica rebuild$/) },
    ]);
    expect(events).toContainEqual({ type: 'order', order: given });

    await order('resume');
    expect(await running).toMatchObject({ outcome: 'complete', rowsDone: ROWS });
    expect(await changesPerTicket(database)).toEqual({ 1: ROWS });
    expect((await status()).orders.map(({ action }) => action)).toEqual(['resume', 'pause']);
  });

  it('continues by itself when the pause is over, and obeys one that was ordered before it was started', async () => {
    await prepare(1_000);
    const controller = new AbortController();
    const first = start({ maxRowsPerSecond: 100 }, controller.signal);
    await untilItRuns();
    await order('pause', { pauseMs: 5_000 });
    controller.abort();
    await first.running;
    const before = await rowsDone();
    const second = start({});
    await until(async () => (await status()).processes.length > 0);
    await untilPaused();
    expect(await rowsDone()).toBe(before);
    expect(await second.running).toMatchObject({ outcome: 'complete', rowsDone: 1_000 });
    expect(second.events).toContainEqual(expect.objectContaining({ type: 'order' }));
    expect(await changesPerTicket(database)).toEqual({ 1: 1_000 });
  });

  it('stops at once on a signal while it is paused', async () => {
    await prepare(1_000);
    const controller = new AbortController();
    const { running } = start({ maxRowsPerSecond: 100 }, controller.signal);
    await untilItRuns();
    await order('pause');
    await untilPaused();
    controller.abort();
    expect(await running).toMatchObject({ outcome: 'interrupted' });
    const { processes, runs, state } = await status();
    expect({ processes, runs, state }).toMatchObject({
      processes: [],
      runs: [{ outcome: 'interrupted', endedAt: expect.any(Date) }],
      state: 'paused',
    });
  });

  it('takes settings while it runs, and when it is started again', async () => {
    await prepare();
    const controller = new AbortController();
    const { running, events } = start({ maxRowsPerSecond: 100 }, controller.signal);
    await untilItRuns();
    await order('set', { overrides: { maxRowsPerSecond: 5_000, workers: 4 } });
    await until(async () => (await status()).processes.some(({ workers }) => workers === 3)); // as many as partitions
    await order('set', { overrides: { workers: 1 } });
    await until(async () => (await status()).processes.some(({ workers }) => workers === 1));
    expect((await status()).partitions.filter(({ state }) => state === 'held')).toHaveLength(1);
    expect(events.filter(({ type }) => type === 'order')).toHaveLength(2);
    controller.abort();
    await running;
    const again = start({ maxRowsPerSecond: 100 });
    await until(() => again.events.some(({ type }) => type === 'overridden'));
    await order('set', { overrides: { maxRowsPerSecond: null } });
    expect(await again.running).toMatchObject({ outcome: 'complete', rowsDone: ROWS });
    expect(again.events).toContainEqual({ type: 'overridden', overrides: { maxRowsPerSecond: 5_000, workers: 1 } });
    expect(await changesPerTicket(database)).toEqual({ 1: ROWS });
  });

  it('shares the rate among the processes that live and work', async () => {
    await insertTickets(database, keysUpTo(100));
    await planTickets(database);
    const settings = parseSettings({ name: 'test', maxRowsPerSecond: 900 });
    const begin = (id: string) => startControl(ticketContext(database, { settings }), { id, host: 'web-1', pid: 1 });
    const [one, other] = [await begin('one'), await begin('other')];
    expect(one.rowsPerSecond()).toBe(900); // the other does not work yet
    for (const control of [one, other]) control.addWorkers(1);
    await until(() => one.rowsPerSecond() === 450 && other.rowsPerSecond() === 450);
    await beginRun(storeFor(database), { id: 'dead', host: 'web-3', pid: 1 });
    await database.$executeRaw`UPDATE rotation_runs SET workers = 2 WHERE id = 'dead'`;
    await until(() => one.rowsPerSecond() === 300);
    await until(() => one.rowsPerSecond() === 450); // it has given no sign of life since
    await other.end('failed');
    await until(() => one.rowsPerSecond() === 900);
    await one.end('complete');
    expect((await status()).runs.map(({ id, outcome }) => [id, outcome]).sort()).toEqual([
      ['dead', null],
      ['one', 'complete'],
      ['other', 'failed'],
    ]);
  });

  it('stands still when its orders cannot be read', async () => {
    await prepare();
    const controller = new AbortController();
    const { running } = start({ maxRowsPerSecond: 2_000 }, controller.signal);
    await untilItRuns();
    await database.$executeRaw`UPDATE rotations SET overrides = '{"workers": "many"}'`;
    let last = -1;
    await until(async () => {
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      // By the checkpoints, since the status cannot be read, either.
      const { _sum } = await database.rotationCheckpoint.aggregate({ _sum: { rowsRotated: true } });
      const now = Number(_sum.rowsRotated);
      const stands = now === last;
      last = now;
      return stands;
    });
    expect(last).toBeLessThan(ROWS);
    controller.abort();
    await expect(running).rejects.toThrow('overrides must be a whole number of workers, 1 to 32');
  });

  it('cannot be ordered anything when it is complete, or not there', async () => {
    await expect(order('pause')).rejects.toThrow("no rotation 'test' is recorded. Check --name.");
    await prepare(100);
    await start({}).running;
    await expect(order('set', { overrides: { workers: 1 } })).rejects.toThrow(
      "rotation 'test' is complete, so there is nothing to set.",
    );
  });
});
