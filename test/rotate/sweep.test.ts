import { afterEach, describe, expect, it } from '@jest/globals';
import { parseSettings, type RotationEvent, RowsNotRotatedError, rotate } from '../../src/index.ts';
import { useTestDatabase } from '../support/database.ts';
import { waitingForLocks } from '../support/lock-waits.ts';
import { PATIENT } from '../support/patient.ts';
import { changesPerTicket, insertTickets, keysUpTo, recordTokenChanges, TICKETS } from '../support/tickets.ts';
import { until } from '../support/until.ts';

describe('rows that are in the way', () => {
  const { database } = useTestDatabase();
  const events: RotationEvent[] = [];
  const run = (settings: object = {}) => {
    events.length = 0;
    return rotate({
      database,
      target: TICKETS,
      settings: parseSettings({ name: 'test', batchSize: 100, workers: 1, lockTimeoutMs: 50, ...settings }),
      signal: new AbortController().signal,
      onEvent: (event) => events.push(event),
    });
  };
  afterEach(() => database.$executeRaw`DROP FUNCTION IF EXISTS interfere CASCADE`);
  const keysSetAside = () => events.flatMap((event) => (event.type === 'setAside' ? [event.key] : []));

  it('are passed over while somebody has them locked, and rotated as soon as they are free', async () => {
    await insertTickets(database, keysUpTo(500));
    await recordTokenChanges(database);
    const running = await database.$transaction(async (transaction) => {
      await transaction.$executeRaw`SELECT FROM tickets WHERE id IN (7, 8, 250) FOR UPDATE`;
      const running = run();
      await until(() => events.some(({ type }) => type === 'tryingAgain'));
      expect(await changesPerTicket(database)).toEqual({ 0: 3, 1: 497 });
      return { running };
    }, PATIENT);
    expect(await running.running).toMatchObject({ outcome: 'complete', rowsDone: 500 });
    expect(keysSetAside()).toEqual(['7', '8', '250']);
    expect(await changesPerTicket(database)).toEqual({ 1: 500 });
  });

  it('are told by key when they stay locked, and taken up by a later run, and only they', async () => {
    await insertTickets(database, keysUpTo(500));
    await recordTokenChanges(database);
    await database.$transaction(async (transaction) => {
      await transaction.$executeRaw`SELECT FROM tickets WHERE id IN (7, 250) FOR UPDATE`;
      const error = await run({ maxRetryTimeMs: 0 }).catch((thrown) => thrown);
      expect(error).toBeInstanceOf(RowsNotRotatedError);
      expect(error.rows).toEqual([
        { key: '7', fault: '55P03' },
        { key: '250', fault: '55P03' },
      ]);
    }, PATIENT);
    expect(await changesPerTicket(database)).toEqual({ 0: 2, 1: 498 });
    expect(await run()).toMatchObject({ outcome: 'complete', rowsDone: 500 });
    expect(await changesPerTicket(database)).toEqual({ 1: 500 });
  });

  it.each(['app', 'database'])('are isolated when a constraint refuses them (tokens: %s)', async (tokens) => {
    await insertTickets(database, keysUpTo(500));
    await recordTokenChanges(database);
    await database.$executeRaw`UPDATE tickets SET subject = 'frozen' WHERE id IN (1, 42, 43, 500)`;
    await database.$executeRaw`
      ALTER TABLE tickets ADD CONSTRAINT frozen CHECK (subject <> 'frozen') NOT VALID`;
    const refused = run({ tokens });
    await expect(refused).rejects.toThrow(RowsNotRotatedError);
    expect(keysSetAside()).toEqual(['1', '42', '43', '500']);
    expect(await changesPerTicket(database)).toEqual({ 0: 4, 1: 496 });
    await database.$executeRaw`ALTER TABLE tickets DROP CONSTRAINT frozen`;
    await run({ tokens });
    expect(await changesPerTicket(database)).toEqual({ 1: 500 });
  });

  it('are given fresh tokens when one of theirs is there already', async () => {
    await insertTickets(database, keysUpTo(50));
    await recordTokenChanges(database);
    await database.$executeRaw`CREATE SEQUENCE attempts`;
    await withTrigger(
      'IF nextval($$attempts$$) = 1 THEN SELECT token INTO NEW.token FROM tickets WHERE id = 50; END IF',
    );
    expect(await run()).toMatchObject({ outcome: 'complete' });
    expect(events).toContainEqual(expect.objectContaining({ type: 'retry', fault: expect.stringContaining('23505') }));
    expect(keysSetAside()).toEqual([]);
    expect(await changesPerTicket(database)).toEqual({ 1: 50 });
    await database.$executeRaw`DROP SEQUENCE attempts`;
  });

  it('are tried in smaller batches when a statement takes too long', async () => {
    await insertTickets(database, keysUpTo(100));
    await recordTokenChanges(database);
    await withTrigger('PERFORM pg_sleep(0.01)');
    expect(await run({ statementTimeoutMs: 500 })).toMatchObject({ outcome: 'complete' });
    expect(keysSetAside()).toEqual([]);
    const batches = events.flatMap((event) => (event.type === 'batch' ? [event.rows] : []));
    expect(Math.max(...batches)).toBeLessThan(100);
    expect(await changesPerTicket(database)).toEqual({ 1: 100 });
  });

  it('are not blamed for a lock on the whole table, which is waited out', async () => {
    await insertTickets(database, keysUpTo(100));
    await recordTokenChanges(database);
    const { running } = await database.$transaction(async (transaction) => {
      await transaction.$executeRaw`LOCK TABLE tickets IN SHARE MODE`;
      const running = run();
      const attempts = () => events.filter(({ type }) => type === 'retry').length;
      await until(() => attempts() >= 3);
      return { running };
    }, PATIENT);
    expect(await running).toMatchObject({ outcome: 'complete' });
    expect(keysSetAside().length).toBeLessThanOrEqual(1);
    expect(await changesPerTicket(database)).toEqual({ 1: 100 });
  });

  it('leave their partition unfinished when they are too many to be single rows, and no other one', async () => {
    await insertTickets(database, keysUpTo(50_000));
    await recordTokenChanges(database);
    await database.$executeRaw`ALTER TABLE tickets ADD CONSTRAINT frozen CHECK (id > 300 AND id <> 30000) NOT VALID`;
    for (const attempt of ['first', 'second']) {
      const error = await run({ batchSize: 1_000 }).catch((thrown) => thrown);
      expect([attempt, error.name, error.partitions]).toEqual([attempt, 'TooManyRowsSetAsideError', [0]]);
      expect(events.filter(({ type }) => type === 'stuck')).toEqual([expect.objectContaining({ partition: 0 })]);
    }
    const [rotated] = await database.$queryRaw<object[]>`
      SELECT count(DISTINCT id)::int AS rows, min(id)::int AS "lowest", max(id)::int AS "highest" FROM token_changes`;
    const [firstPartition] = await database.$queryRaw<[{ upper_bound: string }]>`
      SELECT upper_bound FROM rotation_checkpoints WHERE partition = 0`;
    const lowest = Number(firstPartition.upper_bound) + 1;
    expect(rotated).toEqual({ rows: 50_000 - lowest, lowest, highest: 50_000 }); // all but key 30,000
    await database.$executeRaw`ALTER TABLE tickets DROP CONSTRAINT frozen`;
    expect(await run()).toMatchObject({ outcome: 'complete', rowsDone: 50_000 });
    expect(await changesPerTicket(database)).toEqual({ 1: 50_000 });
  });

  it('are waited for when they are too many, and only locked', async () => {
    await insertTickets(database, keysUpTo(300));
    await recordTokenChanges(database);
    const { running } = await database.$transaction(async (transaction) => {
      await transaction.$executeRaw`SELECT FROM tickets FOR UPDATE`;
      const running = run({ lockTimeoutMs: 5 });
      const attempts = () => events.filter(({ type }) => type === 'retry').length;
      await until(() => attempts() >= 3);
      return { running };
    }, PATIENT);
    expect(keysSetAside()).toHaveLength(200);
    expect(await running).toMatchObject({ outcome: 'complete', rowsDone: 300 });
    expect(await changesPerTicket(database)).toEqual({ 1: 300 });
  });

  it('are tried again when a deadlock with the application was broken', async () => {
    await insertTickets(database, keysUpTo(100));
    await recordTokenChanges(database);
    const { running } = await database.$transaction(async (transaction) => {
      await transaction.$executeRaw`SET LOCAL deadlock_timeout = '60s'`; // the other one is to find the deadlock
      await transaction.$executeRaw`UPDATE tickets SET subject = 'sold' WHERE id = 90`;
      const running = run({ lockTimeoutMs: 60_000 });
      await until(async () => (await waitingForLocks(database)) > 0);
      await transaction.$executeRaw`UPDATE tickets SET subject = 'sold' WHERE id = 10`;
      return { running };
    }, PATIENT);
    expect(await running).toMatchObject({ outcome: 'complete' });
    expect(events).toContainEqual(expect.objectContaining({ type: 'retry', fault: expect.stringContaining('40P01') }));
    expect(await database.ticket.count({ where: { subject: 'sold' } })).toBe(2);
    expect(await changesPerTicket(database)).toEqual({ 1: 100 });
  });

  /** Has a trigger do something before each update; gone with the next test's. */
  async function withTrigger(body: string): Promise<void> {
    await database.$executeRawUnsafe(`
      CREATE OR REPLACE FUNCTION interfere() RETURNS trigger LANGUAGE plpgsql AS $body$
      BEGIN ${body}; RETURN NEW; END $body$`);
    await database.$executeRaw`
      CREATE OR REPLACE TRIGGER interfere BEFORE UPDATE ON tickets FOR EACH ROW EXECUTE FUNCTION interfere()`;
  }
});
