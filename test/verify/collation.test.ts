import { Readable } from 'node:stream';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { base64url, parseSettings, type RotationEvent, rotate, sha256 } from '../../src/index.ts';
import { readLeakedList } from '../../src/verify/leaked-list.ts';
import { findSurvivors } from '../../src/verify/survivors.ts';
import { useTestDatabase } from '../support/database.ts';
import { insertTickets, keysUpTo, ticketTarget } from '../support/tickets.ts';

/** Before PostgreSQL 18, LIKE fails for such a collation. */
describe('a token in a column whose collation takes different texts for the same', () => {
  const { database } = useTestDatabase();
  beforeAll(async () => {
    await database.$executeRaw`CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false)`;
    await database.$executeRaw`ALTER TABLE tickets ALTER subject TYPE text COLLATE loose`;
  });

  it.each([
    ['as it is', base64url({ bytes: 32 })],
    ['hashed', sha256(base64url({ bytes: 32 }))],
  ])('is rotated, verified and looked up: %s', async (name, kind) => {
    await insertTickets(database, keysUpTo(20)); // with the subjects 'Seat 1', 'Seat 2', …
    const findings: RotationEvent[] = [];
    const context = {
      database,
      target: await ticketTarget({ token: 'subject', kind }),
      settings: parseSettings({ name: name.replaceAll(' ', '-'), batchSize: 5, workers: 1, again: true }),
      signal: new AbortController().signal,
      onEvent: (event: RotationEvent) => event.type === 'verified' && findings.push(event),
    };
    expect(await rotate(context)).toMatchObject({ outcome: 'complete', rowsDone: 20 });
    const list = readLeakedList(Readable.from([Buffer.from('Seat 7')]), { format: 'plain' });
    expect(await findSurvivors(context, list, undefined, { allowsOtherForm: true })).toMatchObject({
      checked: 1,
      survivors: { count: 0 },
    });
  });
});
