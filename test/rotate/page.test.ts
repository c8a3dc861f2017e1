import { describe, expect, it } from '@jest/globals';
import type { TicketDatabase } from '../../scripts/support/ticket-database.ts';
import { dataModelOf } from '../../src/config/data-model.ts';
import { resolveTarget } from '../../src/config/resolve-target.ts';
import { uuid } from '../../src/config/token-kinds.ts';
import type { Queryable } from '../../src/database/database.ts';
import { keyAt } from '../../src/rotate/page.ts';
import { updateNext } from '../../src/rotate/token-update.ts';
import { useTestDatabase } from '../support/database.ts';
import { insertTickets, keysUpTo, TICKETS, tokensByKey, uuids } from '../support/tickets.ts';

const GUARD = { firesTriggers: false, condemned: null };

describe('a page', () => {
  const { database } = useTestDatabase();

  it.each([
    { place: 1, end: '3' },
    { place: 3, end: '7' },
    { place: 4, end: null },
  ])('ends at key $end for $place keys after the cursor', async ({ place, end }) => {
    await insertTickets(database, [7, 1, 9, 3, 5]);
    await database.ticket.delete({ where: { id: 1n } }); // the row at the cursor
    expect(await keyAt(database, TICKETS, { after: '1', upTo: '7' }, place)).toBe(end);
  });

  it('begins with the first key where there is no cursor, however small', async () => {
    await insertTickets(database, [-9_000_000_000_000_000_000n, 5]);
    expect(await keyAt(database, TICKETS, { after: null, upTo: '7' }, 1)).toBe('-9000000000000000000');
  });

  it('goes through keys of text in the order of their collation', async () => {
    await insertTickets(database, [1, 2]);
    await database.$executeRaw`UPDATE tickets SET subject = CASE id WHEN 1 THEN 'b' ELSE 'a' END`;
    const bySubject = resolveTarget(
      { model: 'Ticket', key: 'subject', token: 'token', kind: uuid() },
      dataModelOf(database),
    );
    expect(await keyAt(database, bySubject, { after: 'a', upTo: 'b' }, 1)).toBe('b');
  });

  it('takes in no row without a token when rows are inserted after its end was found', async () => {
    await insertTickets(database, [2, 4, 6]);
    const before = await tokensByKey(database);
    const page = await database.$transaction((transaction) =>
      updateNext(
        changedAfterRead(transaction, () => insertTickets(database, [1, 3])),
        TICKETS,
        { after: null, upTo: '6' },
        2,
        uuids(2),
        GUARD,
      ),
    );
    expect(page).toEqual({ end: '2', keys: 2, rows: 2 });
    const now = await tokensByKey(database);
    expect([4n, 6n].map((key) => now.get(key))).toEqual([4n, 6n].map((key) => before.get(key)));
  });

  it('ends where it was to end when its rows are deleted after its end was found', async () => {
    await insertTickets(database, keysUpTo(6));
    const page = await database.$transaction((transaction) =>
      updateNext(
        changedAfterRead(transaction, () => database.ticket.deleteMany({ where: { id: { lt: 3n } } })),
        TICKETS,
        { after: null, upTo: '6' },
        3,
        uuids(3),
        GUARD,
      ),
    );
    expect(page).toEqual({ end: '3', keys: 3, rows: 1 });
  });
});

/** A transaction in which somebody else changes the table as soon as the end of the page was read. */
function changedAfterRead(
  transaction: Pick<TicketDatabase, 'ticket' | '$queryRaw' | '$executeRaw'>,
  change: () => Promise<unknown>,
): Queryable {
  const ticket = {
    async findMany(query: Parameters<TicketDatabase['ticket']['findMany']>[0]) {
      const found = await transaction.ticket.findMany(query);
      await change();
      return found;
    },
  };
  return new Proxy(transaction, {
    get: (original, name) => (name === 'ticket' ? ticket : Reflect.get(original, name)),
  });
}
