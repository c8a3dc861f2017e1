import { describe, expect, it } from '@jest/globals';
import type { Queryable } from '../../src/database/database.ts';
import { ownSession } from '../../src/database/session.ts';
import { type BlockRange, inSharedSnapshot, type ScanProgress, scanBlocks } from '../../src/plan/table-scan.ts';
import { useTestDatabase } from '../support/database.ts';
import { insertTickets, keysUpTo, TICKETS } from '../support/tickets.ts';

const READERS = 3;

/** More blocks than one statement reads. */
const BLOCKS = 2 * 4_096 + 1;

interface ScanOptions {
  onProgress?: (progress: ScanProgress) => void;
  blocksPerStatement?: number;
}

describe('a scan by several readers', () => {
  const { database } = useTestDatabase();
  const count = async (reader: Queryable) => {
    const [{ rows } = { rows: -1 }] = await reader.$queryRaw<
      { rows: number }[]
    >`SELECT count(*)::int AS rows FROM tickets`;
    return rows;
  };

  const scan = (read: (range: BlockRange) => void, { onProgress, blocksPerStatement }: ScanOptions) =>
    inSharedSnapshot(ownSession(database), 2, (readers) =>
      scanBlocks(
        readers,
        TICKETS,
        new AbortController().signal,
        async (_, range) => read(range),
        onProgress,
        blocksPerStatement,
      ),
    );

  it('sees one moment on every connection, whatever is committed in the meantime', async () => {
    await insertTickets(database, keysUpTo(5));
    const seen = await inSharedSnapshot(ownSession(database), READERS, async (readers) => {
      await insertTickets(database, [6, 7]);
      const pids = new Set<unknown>();
      for (const reader of readers)
        for (const row of await reader.$queryRaw<{ pid: number }[]>`SELECT pg_backend_pid() AS pid`) pids.add(row.pid);
      return { connections: pids.size, rows: await Promise.all(readers.map(count)) };
    });
    expect(seen).toEqual({ connections: READERS, rows: [5, 5, 5] });
    expect(await count(database)).toBe(7);
  });

  it('cannot write', async () => {
    const writing = inSharedSnapshot(
      ownSession(database),
      2,
      ([, second]) => (second ?? database).$executeRaw`DELETE FROM tickets`,
    );
    await expect(writing).rejects.toThrow('25006'); // read_only_sql_transaction
  });

  it('reads each stretch of the table once, and reports its progress', async () => {
    await growTable();
    const stretches: number[] = [];
    const progress: number[] = [];
    await scan(({ index }) => stretches.push(index), { onProgress: ({ blocksDone }) => progress.push(blocksDone) });
    expect(stretches.sort()).toEqual([0, 1, 2]);
    expect(progress).toEqual([4_096, 8_192, BLOCKS]);
  });

  it('reads it in longer stretches where that is cheaper', async () => {
    await growTable();
    const conditions: unknown[] = [];
    await scan(({ condition }) => conditions.push(condition.values), { blocksPerStatement: BLOCKS });
    expect(conditions).toEqual([['(0,0)', `(${BLOCKS},0)`]]);
  });

  it('ends all readers when one fails, or the signal is aborted', async () => {
    await growTable();
    const abort = new AbortController();
    for (const fault of [() => Promise.reject(new Error('lost')), async () => abort.abort(new Error('stopped'))]) {
      let stretches = 0;
      const scan = inSharedSnapshot(ownSession(database), 2, (readers) =>
        scanBlocks(readers, TICKETS, abort.signal, async (reader) => {
          stretches += 1;
          if (reader === readers[0]) await fault();
          else await reader.$queryRaw`SELECT 1`;
        }),
      );
      await expect(scan).rejects.toThrow(/lost|stopped/);
      expect(stretches).toBeLessThan(3);
    }
  });

  /** Rows of one block each. */
  async function growTable(): Promise<void> {
    await database.$executeRaw`ALTER TABLE tickets ALTER subject SET STORAGE PLAIN`;
    await database.$executeRaw`
      INSERT INTO tickets (token, subject, holder_email) SELECT gen_random_uuid(), repeat('x', 5000), 'a@b.c' FROM generate_series(1, ${BLOCKS})`;
  }
});
