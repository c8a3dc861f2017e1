import { describe, expect, it } from '@jest/globals';
import { openTicketDatabase, type TicketDatabase } from '../../scripts/support/ticket-database.ts';
import type { Checkpoint } from '../../src/checkpoint/checkpoints.ts';
import { claimNext } from '../../src/checkpoint/claims.ts';
import type { Tokens } from '../../src/config/tokens.ts';
import type { Queryable } from '../../src/database/database.ts';
import { OvertakenError } from '../../src/errors/errors.ts';
import { rotateBatch as rotate } from '../../src/rotate/batch.ts';
import type { TransactionOptions } from '../../src/rotate/transaction.ts';
import { useTestDatabase } from '../support/database.ts';
import { planTickets, storeFor } from '../support/rotations.ts';
import {
  everythingButTokens,
  insertTickets,
  keysUpTo,
  survivors,
  TICKETS,
  tokensByKey,
  tokensOf,
  uuids,
} from '../support/tickets.ts';

const OPTIONS: TransactionOptions = { lockTimeoutMs: 100, statementTimeoutMs: 10_000, asynchronousCommit: true };

describe('a batch', () => {
  const { database, url } = useTestDatabase();

  it('writes one token to each of the next rows in key order, and moves the checkpoint with them', async () => {
    await insertTickets(database, [7, 3, 1, 5, 9]);
    const tokens = uuids(3);
    const advanced = await rotateBatch(database, await claimed(database), 3, tokens, OPTIONS);
    expect((await tokensInOrder(database)).slice(0, 3)).toEqual(tokens.stored);
    expect(advanced).toMatchObject({ cursor: '5', rowsRotated: 3n, completedAt: null });
    expect(await storedCheckpoint(database)).toMatchObject({ cursor: '5', rowsRotated: 3n, completedAt: null });
  });

  it('goes on after the cursor, negative keys and deleted rows at the cursor included', async () => {
    await insertTickets(database, [-9_000_000_000_000_000_000n, -1, 0, 4]);
    const first = await rotateBatch(database, await claimed(database), 2, uuids(2), OPTIONS);
    await database.ticket.delete({ where: { id: -1n } });
    const tokens = uuids(2);
    expect(await rotateBatch(database, first, 2, tokens, OPTIONS)).toMatchObject({ cursor: '4', rowsRotated: 4n });
    expect((await tokensInOrder(database)).slice(1)).toEqual(tokens.stored);
  });

  it('changes nothing but tokens, and no row above the partition or behind the cursor', async () => {
    await insertTickets(database, keysUpTo(5));
    const checkpoint = await claimed(database);
    await insertTickets(database, [6, 7]);
    const advanced = await rotateBatch(database, checkpoint, 2, uuids(2), OPTIONS);
    const [others, tokens] = [await everythingButTokens(database), [...(await tokensByKey(database)).values()]];
    await rotateBatch(database, advanced, 100, uuids(100), OPTIONS);
    expect(await everythingButTokens(database)).toEqual(others);
    const now = [...(await tokensByKey(database)).values()];
    expect([now.slice(0, 2), now.slice(5)]).toEqual([tokens.slice(0, 2), tokens.slice(5)]);
    expect(now.slice(2, 5)).not.toEqual(tokens.slice(2, 5));
  });

  it('completes the partition when it finds fewer rows than it could have taken', async () => {
    await insertTickets(database, keysUpTo(5));
    const advanced = await rotateBatch(database, await claimed(database), 10, uuids(10), OPTIONS);
    expect(advanced).toMatchObject({ cursor: '5', rowsRotated: 5n, completedAt: expect.any(Date) });
    expect(await storedCheckpoint(database)).toMatchObject({ completedAt: advanced.completedAt, claimedBy: null });
  });

  it('completes the partition also when there is no row left at all', async () => {
    await insertTickets(database, keysUpTo(5));
    const checkpoint = await claimed(database);
    await database.ticket.deleteMany();
    expect(await rotateBatch(database, checkpoint, 10, uuids(10), OPTIONS)).toMatchObject({
      cursor: checkpoint.upperBound,
      rowsRotated: 0n,
      completedAt: expect.any(Date),
    });
  });

  it('can have PostgreSQL make the tokens', async () => {
    await insertTickets(database, keysUpTo(5));
    const leaked = await tokensByKey(database);
    await rotateBatch(database, await claimed(database), 10, 'database', OPTIONS);
    const fresh = await tokensByKey(database);
    expect(survivors(leaked, fresh)).toBe(0);
    expect(new Set(fresh.values()).size).toBe(5);
  });

  it('takes back tokens and checkpoint together when the transaction fails', async () => {
    await insertTickets(database, keysUpTo(5));
    const tokens = await tokensByKey(database);
    const taken = tokens.get(5n) ?? ''; // by a row outside of the batch: the unique index refuses it
    await expect(
      rotateBatch(database, await claimed(database), 2, tokensOf([...uuids(1).stored, taken]), OPTIONS),
    ).rejects.toThrow();
    expect(await tokensByKey(database)).toEqual(tokens);
    expect(await storedCheckpoint(database)).toMatchObject({ cursor: null, rowsRotated: 0n });
  });

  describe('of a process that was overtaken', () => {
    it.each([
      ['moved the cursor', { cursor: '2' }],
      ['claimed the partition', { claimedBy: 'another process' }],
      ['completed the partition', { completedAt: new Date() }],
    ])('fails and changes nothing when another one %s', async (_, change) => {
      await insertTickets(database, keysUpTo(5));
      const checkpoint = await claimed(database);
      await database.rotationCheckpoint.updateMany({ data: change });
      const [tokens, stored] = [await tokensByKey(database), await storedCheckpoint(database)];
      await expect(rotateBatch(database, checkpoint, 3, uuids(3), OPTIONS)).rejects.toThrow(OvertakenError);
      expect(await tokensByKey(database)).toEqual(tokens);
      expect(await storedCheckpoint(database)).toEqual(stored);
    });

    it('fails when it sends the very same batch twice', async () => {
      await insertTickets(database, keysUpTo(5));
      const checkpoint = await claimed(database);
      await rotateBatch(database, checkpoint, 3, uuids(3), OPTIONS);
      const tokens = await tokensByKey(database);
      await expect(rotateBatch(database, checkpoint, 3, uuids(3), OPTIONS)).rejects.toThrow(OvertakenError);
      expect(await tokensByKey(database)).toEqual(tokens);
    });
  });

  it.each(['app', 'database'] as const)(
    'finds its rows by the index, also in a table without statistics (tokens: %s)',
    async (tokens) => {
      await insertTickets(database, keysUpTo(20_000));
      const checkpoint = await claimed(database);
      const scansOf = (transaction: Queryable) => transaction.$queryRaw<{ by_index: number; sequential: number }[]>`
        SELECT idx_scan::int AS by_index, seq_scan::int AS sequential FROM pg_stat_xact_user_tables WHERE relname = 'tickets'`;
      const scans: Awaited<ReturnType<typeof scansOf>> = []; // of this session, before and after
      const counting: TicketDatabase = Object.create(database, {
        $transaction: {
          value: (run: (transaction: Queryable) => Promise<unknown>) =>
            database.$transaction(async (transaction) => {
              scans.push(...(await scansOf(transaction)));
              const result = await run(transaction);
              scans.push(...(await scansOf(transaction)));
              return result;
            }),
        },
      });
      await rotateBatch(counting, checkpoint, 10, tokens === 'app' ? uuids(10) : tokens, OPTIONS);
      const [before, after] = scans;
      expect(after?.sequential).toBe(before?.sequential);
      expect(after?.by_index).toBeGreaterThan(before?.by_index ?? 0);
    },
  );

  it.each(['app', 'database'] as const)(
    'locks its rows in key order, wherever they lie in the table (tokens: %s)',
    async (tokens) => {
      await insertTickets(
        database,
        keysUpTo(5_000).sort((a, b) => ((a * 7_919) % 5_003) - ((b * 7_919) % 5_003)),
      );
      await database.$executeRaw`ANALYZE tickets`;
      await database.$executeRaw`CREATE TABLE locked (place serial, id bigint)`;
      await database.$executeRaw`
        CREATE FUNCTION record_lock() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN INSERT INTO locked (id) VALUES (NEW.id); RETURN NEW; END $$`;
      await database.$executeRaw`
        CREATE TRIGGER record_lock AFTER UPDATE ON tickets FOR EACH ROW EXECUTE FUNCTION record_lock()`;
      const checkpoint = await claimed(database);
      await rotateBatch(database, checkpoint, 4_000, tokens === 'app' ? uuids(4_000) : tokens, OPTIONS);
      const locked = await database.$queryRaw<{ id: bigint }[]>`SELECT id FROM locked ORDER BY place`;
      expect(locked.map(({ id }) => Number(id))).toEqual(keysUpTo(4_000));
      await database.$executeRaw`DROP FUNCTION record_lock CASCADE`;
      await database.$executeRaw`DROP TABLE locked`;
    },
  );

  it('waits for the disk only when it completes a partition, unless it is told to wait always', async () => {
    await insertTickets(database, keysUpTo(5));
    await database.$executeRaw`CREATE TABLE commits (synchronous text)`;
    await database.$executeRaw`
      CREATE FUNCTION record_commit() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN INSERT INTO commits VALUES (current_setting('synchronous_commit')); RETURN NULL; END $$`;
    await database.$executeRaw`
      CREATE CONSTRAINT TRIGGER record_commit AFTER UPDATE ON rotation_checkpoints
      DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (OLD.claimed_until IS DISTINCT FROM NEW.claimed_until)
      EXECUTE FUNCTION record_commit()`;
    const checkpoint = await claimed(database);
    const session = openTicketDatabase(url, { connections: 1 });
    await session.$executeRaw`DELETE FROM commits`;
    const first = await rotateBatch(session, checkpoint, 2, uuids(2), { ...OPTIONS, asynchronousCommit: true });
    const second = await rotateBatch(session, first, 2, uuids(2), { ...OPTIONS, asynchronousCommit: false });
    await rotateBatch(session, second, 2, uuids(2), { ...OPTIONS, asynchronousCommit: true });
    expect(await session.$queryRaw`SELECT synchronous FROM commits`).toEqual([
      { synchronous: 'off' },
      { synchronous: 'on' },
      { synchronous: 'on' },
    ]);
    await session.$disconnect();
    await database.$executeRaw`DROP FUNCTION record_commit CASCADE`;
  });
});

/** A batch of tickets. @returns the checkpoint after it */
async function rotateBatch(
  database: TicketDatabase,
  checkpoint: Checkpoint,
  size: number,
  tokens: Tokens,
  options: TransactionOptions,
): Promise<Checkpoint> {
  return (await rotate(database, TICKETS, checkpoint, size, tokens, options)).checkpoint;
}

async function claimed(database: TicketDatabase): Promise<Checkpoint> {
  await planTickets(database);
  const checkpoint = await claimNext(storeFor(database), 'this process');
  if (checkpoint === null) throw new Error('there is nothing to claim');
  return checkpoint;
}

/** As this package writes them, without hyphens. */
async function tokensInOrder(database: TicketDatabase): Promise<string[]> {
  return Array.from((await tokensByKey(database)).values(), (token) => token.replaceAll('-', ''));
}

function storedCheckpoint(database: TicketDatabase) {
  return database.rotationCheckpoint.findFirstOrThrow();
}
