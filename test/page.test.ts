import { describe, expect, it } from '@jest/globals';
import { nextPage } from '../src/page.ts';
import { useTestDatabase } from './support/database.ts';
import { insertTickets } from './support/tickets.ts';

describe('a page', () => {
  const { database } = useTestDatabase();

  it('holds the next keys after the cursor, in ascending order', async () => {
    await insertTickets(database, [5, 3, 1, 4, 2]);
    expect(await nextPage(database, { after: 1n, upTo: 5n }, 3)).toEqual({
      keys: [2n, 3n, 4n],
      firstKey: 2n,
      lastKey: 4n,
    });
  });

  it('begins with the lowest key of all when there is no cursor yet, negative keys included', async () => {
    await insertTickets(database, [-7, 0, 9]);
    expect((await nextPage(database, { after: null, upTo: 9n }, 10))?.keys).toEqual([-7n, 0n, 9n]);
  });

  it('goes on after a cursor whose row has been deleted', async () => {
    await insertTickets(database, [1, 2, 3]);
    await database.ticket.delete({ where: { id: 2n } });
    expect((await nextPage(database, { after: 2n, upTo: 3n }, 10))?.keys).toEqual([3n]);
  });

  it('leaves out what is above the upper bound', async () => {
    await insertTickets(database, [1, 2, 3]);
    expect((await nextPage(database, { after: null, upTo: 2n }, 10))?.keys).toEqual([1n, 2n]);
  });

  it('is null when the range has no more rows', async () => {
    await insertTickets(database, [1, 2]);
    expect(await nextPage(database, { after: 2n, upTo: 100n }, 10)).toBeNull();
  });
});
