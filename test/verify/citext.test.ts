import { Readable } from 'node:stream';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { AfterBatch } from '../../src/config/target.ts';
import { base64url, isCondemned, parseSettings, type RotationEvent, rotate } from '../../src/index.ts';
import { readLeakedList } from '../../src/verify/leaked-list.ts';
import { findSurvivors } from '../../src/verify/survivors.ts';
import { useTestDatabase } from '../support/database.ts';
import { insertTickets, keysUpTo, ticketTarget } from '../support/tickets.ts';

describe('a token in a column of type citext, which is the same in capitals', () => {
  const { database } = useTestDatabase();
  const events: RotationEvent[] = [];
  beforeAll(async () => {
    await database.$executeRaw`CREATE EXTENSION citext`;
    await database.$executeRaw`ALTER TABLE tickets ALTER subject TYPE citext`;
  });
  const contextWith = async (afterBatch?: AfterBatch) => {
    events.length = 0;
    return {
      database,
      target: await ticketTarget({
        token: 'subject',
        kind: base64url({ bytes: 32 }),
        ...(afterBatch && { afterBatch }),
      }),
      settings: parseSettings({ batchSize: 5, workers: 1, keepCondemned: true }),
      signal: new AbortController().signal,
      onEvent: (event: RotationEvent) => events.push(event),
    };
  };

  it('is condemned, found again and looked up however it is written', async () => {
    await insertTickets(database, keysUpTo(20)); // with the subjects 'Seat 1', 'Seat 2', …
    let batches = 0;
    const context = await contextWith(async (transaction) => {
      batches += 1;
      if (batches === 3) await transaction.$executeRaw`UPDATE tickets SET subject = 'SEAT 2' WHERE id = 2`;
    });
    expect(await rotate(context)).toMatchObject({ outcome: 'complete', rowsDone: 20 });
    expect(events).toContainEqual({ type: 'survivors', rows: 1 });
    for (const token of ['Seat 7', 'SEAT 7', 'seat 7']) {
      expect(await isCondemned(database, token)).toMatchObject({ name: 'default' });
    }
    expect(await isCondemned(database, 'Seat 21')).toBeNull();

    const { subject } = await database.ticket.findUniqueOrThrow({ where: { id: 9 } });
    const list = () => readLeakedList(Readable.from([Buffer.from(subject.toUpperCase())]), { format: 'plain' });
    expect(await findSurvivors(context, list())).toMatchObject({ survivors: { keys: ['9'] } });
  });
});
