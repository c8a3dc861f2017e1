import { describe, expect, it } from '@jest/globals';
import { parseSettings, type RotationEvent, RowsNotRotatedError, rotate } from '../src/index.ts';
import { useTestDatabase } from './support/database.ts';
import { changesPerTicket, insertTickets, keysUpTo, recordTokenChanges } from './support/tickets.ts';

describe('rows that are in the way', () => {
  const { database } = useTestDatabase();
  const events: RotationEvent[] = [];
  const run = (settings: object = {}) => {
    events.length = 0;
    return rotate({
      database,
      settings: parseSettings({ name: 'test', batchSize: 100, workers: 1, lockTimeoutMs: 50, ...settings }),
      signal: new AbortController().signal,
      onEvent: (event) => events.push(event),
    });
  };
  const keysSetAside = () => events.flatMap((event) => (event.type === 'setAside' ? [event.key] : []));

  it('are passed over while somebody has them locked, and rotated as soon as they are free', async () => {
    await insertTickets(database, keysUpTo(500));
    await recordTokenChanges(database);
    const running = await database.$transaction(async (transaction) => {
      await transaction.$executeRaw`SELECT FROM tickets WHERE id IN (7, 8, 250) FOR UPDATE`;
      const running = run();
      while (!events.some(({ type }) => type === 'tryingAgain'))
        await new Promise((resolve) => setTimeout(resolve, 20));
      expect(await changesPerTicket(database)).toEqual({ 0: 3, 1: 497 });
      return { running };
    });
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
    });
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
});
