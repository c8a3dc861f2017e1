import { describe, expect, it } from '@jest/globals';
import { dataModelOf } from '../../src/config/data-model.ts';
import { resolveTarget } from '../../src/config/resolve-target.ts';
import { sha256, type TokenKind, uuid } from '../../src/index.ts';
import { readStoredColumn, takeCensus } from '../../src/verify/stored-column.ts';
import { useTestDatabase } from '../support/database.ts';
import { ticketContext } from '../support/rotations.ts';
import { insertTickets, keysUpTo } from '../support/tickets.ts';

describe('the token column, as a leaked list is compared with it,', () => {
  const { database } = useTestDatabase();

  it.each([
    ['UUIDs', 'token', uuid(), 'uuid', 0],
    ['texts', 'subject', uuid(), 'text', 0],
    ['hashes as text, of which half are none', 'subject', sha256(uuid()), 'hashed text', 0.5],
  ] as const)('holds %s', async (_, field, kind, storage, share) => {
    await insertTickets(database, keysUpTo(1_000));
    await database.$executeRaw`UPDATE tickets SET subject = encode(sha256(subject::bytea), 'hex') WHERE id % 2 = 0`;
    const column = await readStoredColumn(context(field, kind));
    expect(column.storage).toBe(storage);
    expect(column.hashes / column.sampled).toBe(share);
  });

  it('has nothing to learn from where it is empty', async () => {
    const column = await readStoredColumn(context('subject', uuid()));
    expect(column).toEqual({ storage: 'text', hash: null, profile: null, sampled: 0, hashes: 0 });
  });

  it('is counted by the lengths of its values, and by whether they have capitals', async () => {
    await insertTickets(database, keysUpTo(4));
    await database.$executeRaw`UPDATE tickets SET subject = (ARRAY['abc', 'XYZ9', 'xyz9', 'B7é'])[id]`;
    const census = await takeCensus(context('subject', uuid()), 'text');
    expect(Object.fromEntries(census?.byLength ?? [])).toEqual({
      3: { hasUpper: false, hasLower: true },
      4: { hasUpper: true, hasLower: false },
    });
  });

  function context(token: string, kind: TokenKind) {
    const target = resolveTarget({ model: 'Ticket', key: 'id', token, kind }, dataModelOf(database));
    return ticketContext(database, { target });
  }
});
