import { describe, expect, it } from '@jest/globals';
import { rotateBatch } from '../src/batch.ts';
import { type Checkpoint, claimPartition, persistPlan } from '../src/checkpoint.ts';
import { type Database, openDatabase } from '../src/database.ts';
import { OvertakenError } from '../src/errors.ts';
import { nextPage, type Page } from '../src/page.ts';
import { planPartition } from '../src/partitions.ts';
import { makeTokens } from '../src/tokens.ts';
import { useTestDatabase } from './support/database.ts';
import { everythingButTokens, insertTickets, keysUpTo, tokensByKey } from './support/tickets.ts';

describe('a batch', () => {
  const { database, url } = useTestDatabase();

  it('writes each token to the row of its key and moves the checkpoint with it', async () => {
    const { checkpoint, page } = await tenTicketsAndAPageOf(4, database);
    const tokens = makeTokens(4);
    const advanced = await rotateBatch(database, checkpoint, page, tokens);
    expect([...(await tokensByKey(database)).values()].slice(0, 4)).toEqual(tokens);
    expect(advanced).toMatchObject({ cursor: 4n, rowsRotated: 4n });
    expect(await storedCheckpoint(database)).toMatchObject({ cursor: '4', rowsRotated: 4n });
  });

  it('changes nothing but tokens, and no row outside of the page', async () => {
    const { checkpoint, page } = await tenTicketsAndAPageOf(4, database);
    const [others, tokens] = [await everythingButTokens(database), await tokensByKey(database)];
    await rotateBatch(database, checkpoint, page, makeTokens(4));
    expect(await everythingButTokens(database)).toEqual(others);
    expect([...(await tokensByKey(database))].slice(4)).toEqual([...tokens].slice(4));
  });

  it('counts only the rows that are still there', async () => {
    const { checkpoint, page } = await tenTicketsAndAPageOf(4, database);
    await database.ticket.deleteMany({ where: { id: { in: [2n, 4n] } } });
    expect(await rotateBatch(database, checkpoint, page, makeTokens(4))).toMatchObject({ cursor: 4n, rowsRotated: 2n });
  });

  it('moves the checkpoint back with the tokens when the transaction fails', async () => {
    const { checkpoint, page } = await tenTicketsAndAPageOf(4, database);
    const tokens = await tokensByKey(database);
    const taken = [...tokens.values()].at(-1) ?? ''; // of a row outside of the page: the unique index refuses it
    await expect(rotateBatch(database, checkpoint, page, [...makeTokens(3), taken])).rejects.toThrow();
    expect(await tokensByKey(database)).toEqual(tokens);
    expect(await storedCheckpoint(database)).toMatchObject({ cursor: null, rowsRotated: 0n });
  });

  describe('of a process that was overtaken', () => {
    it.each([
      ['moved the cursor', { cursor: '2' }],
      ['claimed the partition', { claimedBy: 'another process' }],
      ['completed the partition', { completedAt: new Date() }],
    ])('fails and changes nothing when another one %s', async (_, change) => {
      const { checkpoint, page } = await tenTicketsAndAPageOf(4, database);
      await database.rotationCheckpoint.updateMany({ data: change });
      const [tokens, stored] = [await tokensByKey(database), await storedCheckpoint(database)];
      await expect(rotateBatch(database, checkpoint, page, makeTokens(4))).rejects.toThrow(OvertakenError);
      expect(await tokensByKey(database)).toEqual(tokens);
      expect(await storedCheckpoint(database)).toEqual(stored);
    });

    it('fails when it sends the very same batch twice', async () => {
      const { checkpoint, page } = await tenTicketsAndAPageOf(4, database);
      await rotateBatch(database, checkpoint, page, makeTokens(4));
      const tokens = await tokensByKey(database);
      await expect(rotateBatch(database, checkpoint, page, makeTokens(4))).rejects.toThrow(OvertakenError);
      expect(await tokensByKey(database)).toEqual(tokens);
    });
  });

  it('finds its rows by the index, also in a table without statistics', async () => {
    const { checkpoint, page } = await tenTicketsAndAPageOf(10, database, 20_000);
    const session = openDatabase(url, 1); // a session counts its own scans, and shows them when told to
    const sequentialScans = async () => {
      await session.$queryRaw`SELECT pg_stat_force_next_flush()::text`;
      return session.$queryRaw`SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'tickets'`;
    };
    const before = await sequentialScans();
    await rotateBatch(session, checkpoint, page, makeTokens(10));
    expect(await sequentialScans()).toEqual(before);
    await session.$disconnect();
  });
});

async function tenTicketsAndAPageOf(
  size: number,
  database: Database,
  tickets = 10,
): Promise<{ checkpoint: Checkpoint; page: Page }> {
  await insertTickets(database, keysUpTo(tickets));
  const planned = await planPartition(database, 'test');
  if (planned) await persistPlan(database, planned);
  const checkpoint = await claimPartition(database, 'test', 'this process');
  const page = await nextPage(database, { after: null, upTo: BigInt(tickets) }, size);
  if (checkpoint === null || page === null) throw new Error('there is nothing to claim');
  return { checkpoint, page };
}

function storedCheckpoint(database: Database) {
  return database.rotationCheckpoint.findFirstOrThrow();
}
