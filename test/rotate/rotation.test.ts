import { describe, expect, it } from '@jest/globals';
import { openTicketDatabase } from '../../scripts/support/ticket-database.ts';
import {
  ConfigurationError,
  HeldByAnotherProcessError,
  parseSettings,
  type RotationContext,
  type RotationEvent,
  rotate,
} from '../../src/index.ts';
import { useTestDatabase } from '../support/database.ts';
import { PATIENT } from '../support/patient.ts';
import {
  changesPerTicket,
  everythingButTokens,
  insertTickets,
  keysUpTo,
  recordTokenChanges,
  survivors,
  TICKETS,
  tokensByKey,
} from '../support/tickets.ts';
import { until } from '../support/until.ts';

describe('a rotation', () => {
  const { database, url } = useTestDatabase();
  const run = (context: Partial<RotationContext> = {}) =>
    rotate({
      database,
      target: TICKETS,
      settings: parseSettings({ name: 'test', batchSize: 10, workers: 1 }),
      signal: new AbortController().signal,
      onEvent: () => {},
      ...context,
    });

  /** Runs until `batches` batches have committed, then aborts as a signal would. */
  const runSome = (batches: number) => {
    const controller = new AbortController();
    let committed = 0;
    const onEvent = ({ type }: RotationEvent) => {
      if (type === 'batch') committed += 1;
      if (committed === batches) controller.abort();
    };
    return run({ signal: controller.signal, onEvent });
  };

  it('replaces the token of every ticket, once, and nothing else', async () => {
    await insertTickets(database, keysUpTo(95));
    await recordTokenChanges(database);
    const [leaked, others] = [await tokensByKey(database), await everythingButTokens(database)];
    expect(await run()).toMatchObject({ outcome: 'complete', alreadyComplete: false, rowsDone: 95, watermark: '95' });
    expect(survivors(leaked, await tokensByKey(database))).toBe(0);
    expect(await everythingButTokens(database)).toEqual(others);
    expect(await changesPerTicket(database)).toEqual({ 1: 95 });
  });

  it('leaves nothing behind that keeps the process alive', async () => {
    await insertTickets(database, keysUpTo(95));
    const timers = () => process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length;
    const own = openTicketDatabase(url, { connections: 3 }); // a pool has a timer for each idle connection
    const before = timers();
    await run({ database: own });
    await own.$disconnect();
    expect(timers()).toBeLessThanOrEqual(before);
  });

  it('reaches every key of a sparse table with negative keys', async () => {
    await insertTickets(database, [-9_000_000_000_000_000_000n, -1, 0, 7, 9_007_199_254_740_993n]);
    await recordTokenChanges(database);
    await run({ settings: parseSettings({ name: 'test', batchSize: 2 }) });
    expect(await changesPerTicket(database)).toEqual({ 1: 5 });
  });

  it('changes nothing when it is run again after it is complete', async () => {
    await insertTickets(database, keysUpTo(30));
    const { completedAt } = (await run()) as { completedAt?: Date };
    const tokens = await tokensByKey(database);
    expect(await run()).toMatchObject({ outcome: 'complete', alreadyComplete: true, rowsDone: 30, completedAt });
    expect(await tokensByKey(database)).toEqual(tokens);
  });

  it('starts anew under another name', async () => {
    await insertTickets(database, keysUpTo(30));
    await recordTokenChanges(database);
    await run();
    await run({ settings: parseSettings({ name: 'another', again: true }) });
    expect(await changesPerTicket(database)).toEqual({ 2: 30 });
  });

  it('stops after the batch in flight when it is aborted, and continues there', async () => {
    await insertTickets(database, keysUpTo(95));
    await recordTokenChanges(database);
    expect(await runSome(3)).toMatchObject({ outcome: 'interrupted', counts: { rowsDone: 30, rowsTotal: 95 } });
    expect(await changesPerTicket(database)).toEqual({ 0: 65, 1: 30 });
    const events: RotationEvent[] = [];
    expect(await run({ onEvent: (event) => events.push(event) })).toMatchObject({ outcome: 'complete', rowsDone: 95 });
    expect(events.find(({ type }) => type === 'started')).toMatchObject({ resumed: true, rowsDone: 30, rowsTotal: 95 });
    expect(await changesPerTicket(database)).toEqual({ 1: 95 });
  });

  it('continues with another batch size than it began with', async () => {
    await insertTickets(database, keysUpTo(95));
    await recordTokenChanges(database);
    await runSome(3);
    await run({ settings: parseSettings({ name: 'test', batchSize: 17, workers: 3 }) });
    expect(await changesPerTicket(database)).toEqual({ 1: 95 });
  });

  it('continues although the row at the cursor, and others, have been deleted', async () => {
    await insertTickets(database, keysUpTo(95));
    await recordTokenChanges(database);
    await runSome(3);
    await database.ticket.deleteMany({ where: { id: { in: [30n, 31n, 40n, 95n] } } });
    expect(await run()).toMatchObject({ outcome: 'complete', rowsDone: 92 });
    expect(await changesPerTicket(database)).toEqual({ 1: 91 });
  });

  it('leaves alone what is inserted after it began', async () => {
    await insertTickets(database, keysUpTo(95));
    await recordTokenChanges(database);
    await runSome(3);
    await insertTickets(database, [96, 97, 98, 99, 100]);
    expect(await run()).toMatchObject({ watermark: '95' });
    expect(await changesPerTicket(database)).toEqual({ 0: 5, 1: 95 });
  });

  it('tells who keeps it waiting for a lock, and does not take the wait for a slow server', async () => {
    await insertTickets(database, keysUpTo(95));
    const events: RotationEvent[] = [];
    const { pid, running } = await database.$transaction(async (transaction) => {
      const [locked] = await transaction.$queryRaw<{ pid: number }[]>`
        SELECT pg_backend_pid() AS pid FROM tickets WHERE id = 42 FOR UPDATE`;
      const running = run({
        settings: parseSettings({ name: 'test', targetBatchMs: 100 }),
        onEvent: (event) => events.push(event),
      });
      await until(() => events.some(({ type }) => type === 'blocked'));
      return { pid: locked?.pid, running };
    }, PATIENT);
    expect(await running).toMatchObject({ outcome: 'complete' });
    expect(events).toContainEqual({ type: 'blocked', pids: [pid] });
    const batch = events.find((event) => event.type === 'batch');
    expect(batch?.durationMs).toBeLessThan(1_000); // it waited for more than a second
  });

  it('does not call itself complete when its checkpoints are deleted meanwhile', async () => {
    await insertTickets(database, keysUpTo(95));
    const onEvent = async ({ type }: RotationEvent) => {
      if (type === 'batch') await database.rotationCheckpoint.deleteMany();
    };
    await expect(run({ onEvent })).rejects.toThrow("the checkpoints of rotation 'test' were deleted while it ran");
  });

  it('records nothing for an empty table', async () => {
    expect(await run()).toEqual({ outcome: 'empty' });
    expect(await database.rotationCheckpoint.count()).toBe(0);
  });

  it('refuses checkpoints of another target', async () => {
    await insertTickets(database, keysUpTo(30));
    await runSome(1);
    await database.rotation.updateMany({ data: { target: 'users.api_key' } });
    const tokens = await tokensByKey(database);
    await expect(run()).rejects.toThrow(ConfigurationError);
    expect(await tokensByKey(database)).toEqual(tokens);
  });

  it.each([
    ['were deleted in part', () => database.$executeRaw`DELETE FROM rotation_checkpoints WHERE partition = 1`],
    [
      'leave a gap',
      () => database.$executeRaw`UPDATE rotation_checkpoints SET lower_bound = '50000' WHERE partition = 2`,
    ],
    ['overlap', () => database.$executeRaw`UPDATE rotation_checkpoints SET lower_bound = '3' WHERE partition = 2`],
    [
      'went too far',
      () => database.$executeRaw`UPDATE rotation_checkpoints SET cursor = '99999999' WHERE partition = 2`,
    ],
  ])('refuses checkpoints that %s, and changes nothing', async (_, tamper) => {
    await insertTickets(database, keysUpTo(60_000));
    await runSome(1);
    await tamper();
    const tokens = await tokensByKey(database);
    await expect(run()).rejects.toThrow(/^rotation_checkpoints of rotation 'test' cannot be trusted: .*partition/);
    expect(await tokensByKey(database)).toEqual(tokens);
  });

  it('is refused while a live process holds it', async () => {
    await insertTickets(database, keysUpTo(30));
    await runSome(1);
    await database.$executeRaw`
      UPDATE rotation_checkpoints SET claimed_by = 'web-1:4242:x', claimed_until = clock_timestamp() + interval '1 hour'`;
    const tokens = await tokensByKey(database);
    const refused = run({
      // The other process commits a batch, which renews its claim.
      onEvent: async ({ type }) => {
        if (type !== 'waiting') return;
        await database.$executeRaw`UPDATE rotation_checkpoints SET claimed_until = claimed_until + interval '1 second'`;
      },
    });
    await expect(refused).rejects.toThrow(HeldByAnotherProcessError);
    await expect(refused).rejects.toThrow('web-1:4242:x');
    expect(await tokensByKey(database)).toEqual(tokens);
  });

  it('waits for the claim of a process that was killed, and takes over', async () => {
    await insertTickets(database, keysUpTo(30));
    await recordTokenChanges(database);
    await runSome(1);
    await database.$executeRaw`
      UPDATE rotation_checkpoints SET claimed_by = 'dead:1:x', claimed_until = clock_timestamp() + interval '1 hour'`;
    const events: RotationEvent[] = [];
    const running = run({ onEvent: (event) => events.push(event) });
    await until(() => events.some(({ type }) => type === 'waiting'));
    await database.$executeRaw`UPDATE rotation_checkpoints SET claimed_until = clock_timestamp()`;
    await running;
    expect(events.find(({ type }) => type === 'waiting')).toEqual({ type: 'waiting', holders: ['dead:1:x'] });
    expect(await changesPerTicket(database)).toEqual({ 1: 30 });
  });

  it('is run by one of two processes that start it at the same moment, when there is work for one only', async () => {
    await insertTickets(database, keysUpTo(2_000));
    await recordTokenChanges(database);
    const ends = await Promise.allSettled([run(), run()]);
    const results = ends.flatMap((end) => (end.status === 'fulfilled' ? [end.value] : []));
    const reasons = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason] : []));
    expect(results).toContainEqual(expect.objectContaining({ outcome: 'complete', rowsDone: 2_000 }));
    for (const reason of reasons) expect(reason).toBeInstanceOf(HeldByAnotherProcessError);
    expect(await changesPerTicket(database)).toEqual({ 1: 2_000 });
  });

  it('is shared by processes that start it at the same moment, when there is work for all', async () => {
    await insertTickets(database, keysUpTo(100_000));
    await recordTokenChanges(database);
    const settings = parseSettings({ name: 'test', batchSize: 1_000, workers: 2 });
    const ends = await Promise.all([run({ settings }), run({ settings }), run({ settings })]);
    for (const end of ends) expect(end).toMatchObject({ outcome: 'complete', rowsDone: 100_000, watermark: '100000' });
    expect(await changesPerTicket(database)).toEqual({ 1: 100_000 });
  });

  it('takes over what another process leaves unfinished while this one waits for it', async () => {
    await insertTickets(database, keysUpTo(100_000));
    await recordTokenChanges(database);
    await runSome(1);
    await database.$executeRaw`
      UPDATE rotation_checkpoints SET claimed_by = 'dead:1:x', claimed_until = clock_timestamp() + interval '1 hour'
      WHERE partition = 3`;
    const events: RotationEvent[] = [];
    const settings = parseSettings({ name: 'test', workers: 2 });
    const running = run({ settings, onEvent: (event) => events.push(event) });
    await until(() => events.some(({ type }) => type === 'waiting'));
    await database.$executeRaw`UPDATE rotation_checkpoints SET claimed_until = clock_timestamp() WHERE partition = 3`;
    expect(await running).toMatchObject({ outcome: 'complete' });
    expect(events).toContainEqual({ type: 'waiting', holders: ['dead:1:x'] });
    expect(await changesPerTicket(database)).toEqual({ 1: 100_000 });
  });

  it('goes on elsewhere when a partition was taken over, and says so', async () => {
    await insertTickets(database, keysUpTo(40_000));
    await recordTokenChanges(database);
    const events: RotationEvent[] = [];
    const onEvent = (event: RotationEvent) => {
      events.push(event);
    };
    const settings = parseSettings({ name: 'test', batchSize: 100, workers: 1 });
    const running = run({ settings, onEvent });
    await until(() => events.some(({ type }) => type === 'batch'));
    await database.$executeRaw`
      UPDATE rotation_checkpoints SET claimed_by = 'thief:1:x', claimed_until = clock_timestamp() + interval '1 second'
      WHERE partition = 0`;
    expect(await running).toMatchObject({ outcome: 'complete', rowsDone: 40_000 });
    expect(events).toContainEqual({ type: 'overtaken', partition: 0 });
    expect(await changesPerTicket(database)).toEqual({ 1: 40_000 });
  });
});
