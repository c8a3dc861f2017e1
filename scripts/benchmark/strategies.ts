import { randomUUID } from 'node:crypto';
import { arrayLiteral } from '../../src/database/array-literal.ts';
import { Prisma } from '../../src/generated/prisma/client.ts';
import type { TicketDatabase } from '../support/ticket-database.ts';

/** Longest time of a statement, in milliseconds: one UPDATE of ten million rows takes minutes. */
export const LONGEST_STATEMENT_MS = 3_600_000;

/** Another way of replacing all tokens, written with Prisma as its users would write it. See docs/alternatives/. */
export interface Strategy {
  label: string;
  resumable: string;
  /** The most rows to measure where a whole table would take very long; the rest is extrapolated. */
  measuredRows?: number;
  /**
   * Replaces the tokens of the first `rows` rows, or of all.
   *
   * @param onReady called when what is done once for the whole table is done, and work by the row begins
   */
  run(database: TicketDatabase, rows: number, onReady: () => void): Promise<void>;
}

const PAGE = 5_000;

export const STRATEGIES: Record<string, Strategy> = {
  'one-update': {
    label: 'one big UPDATE (the reference)',
    resumable: 'no',
    async run(database) {
      await database.$executeRaw`UPDATE tickets SET token = gen_random_uuid()`;
    },
  },
  'one-insert': {
    label: 'one INSERT … SELECT gen_random_uuid()',
    resumable: 'no',
    async run(database, rows) {
      await database.$executeRaw`
        INSERT INTO tickets (token, subject, holder_email)
        SELECT gen_random_uuid(), 'Seat ' || number || ', open-air season', 'holder-' || number || '@example.com'
        FROM generate_series(1, ${rows}::bigint) AS number`;
    },
  },
  'load-all': {
    label: 'load everything, save each',
    resumable: 'no',
    measuredRows: 20_000,
    async run(database, rows, onReady) {
      const tickets = await database.ticket.findMany({ orderBy: { id: 'asc' } });
      onReady();
      for (const { id } of tickets.slice(0, rows)) await save(database, id);
    },
  },
  'page-save-each': {
    label: 'page, save each, a transaction a page',
    resumable: 'from the last page, if noted',
    measuredRows: 20_000,
    run: (database, rows) =>
      eachPage(database, 1_000, rows, async (ids) => {
        await database.$transaction(async (tx) => {
          for (const id of ids) await save(tx, id);
        }, TRANSACTION);
      }),
  },
  'case-1000': caseStrategy(1_000, 50_000),
  'case-5000': caseStrategy(5_000, 50_000),
  'case-10000': caseStrategy(10_000, 50_000),
  'case-20000': caseStrategy(20_000, 40_000),
  cursor: {
    label: 'server-side cursor, in one transaction',
    resumable: 'no',
    run: (database) =>
      database.$transaction(async (tx) => {
        await tx.$executeRaw`DECLARE every_ticket CURSOR FOR SELECT id FROM tickets ORDER BY id`;
        for (;;) {
          const rows = await tx.$queryRawUnsafe<{ id: bigint }[]>(`FETCH ${PAGE} FROM every_ticket`);
          if (rows.length === 0) return;
          await updateByUnnest(
            tx,
            rows.map(({ id }) => id),
          );
        }
      }, TRANSACTION),
  },
  offset: {
    label: 'OFFSET pages',
    resumable: 'unreliable',
    async run(database) {
      for (let offset = 0; ; offset += PAGE) {
        const page = await database.ticket.findMany({
          skip: offset,
          take: PAGE,
          orderBy: { id: 'asc' },
          select: { id: true },
        });
        if (page.length === 0) return;
        await updateByUnnest(
          database,
          page.map(({ id }) => id),
        );
      }
    },
  },
  values: {
    label: 'page, multi-row VALUES',
    resumable: 'from the last page, if noted',
    run: (database, rows) =>
      eachPage(database, PAGE, rows, async (ids) => {
        const values = Prisma.join(ids.map((id) => Prisma.sql`(${id}::bigint, ${randomUUID()}::uuid)`));
        await database.$executeRaw`
          UPDATE tickets AS t SET token = v.token FROM (VALUES ${values}) AS v (id, token)
          WHERE t.id = v.id AND t.id >= ${ids[0]} AND t.id <= ${ids.at(-1)}`;
      }),
  },
  unnest: {
    label: 'page, two arrays by unnest',
    resumable: 'from the last page, if noted',
    run: (database, rows) => eachPage(database, PAGE, rows, (ids) => updateByUnnest(database, ids)),
  },
};

/** As Django's `bulk_update` does it: one CASE with a branch a row. */
function caseStrategy(batchSize: number, measuredRows: number): Strategy {
  return {
    label: `page, CASE bulk update by ${batchSize.toLocaleString('en')}`,
    resumable: 'from the last page, if noted',
    measuredRows,
    run: (database, rows) =>
      eachPage(database, batchSize, rows, async (ids) => {
        // In the statement's text: twice as many parameters would pass the protocol's limit at 20,000 rows.
        const branches = ids.map((id) => `WHEN ${id} THEN '${randomUUID()}'::uuid`).join(' ');
        await database.$executeRawUnsafe(
          `UPDATE tickets SET token = CASE id ${branches} END WHERE id IN (${ids.join()})`,
        );
      }),
  };
}

const TRANSACTION = { timeout: LONGEST_STATEMENT_MS, maxWait: 10_000 };

type Client = Pick<Prisma.TransactionClient, '$executeRaw' | 'ticket'>;

function save(database: Client, id: bigint) {
  return database.ticket.update({ where: { id }, data: { token: randomUUID() }, select: { id: true } });
}

async function updateByUnnest(database: Client, ids: bigint[]): Promise<void> {
  const tokens = ids.map(() => randomUUID());
  await database.$executeRaw`
    UPDATE tickets AS t SET token = v.token FROM unnest(${arrayLiteral(ids)}::bigint[], ${arrayLiteral(tokens)}::uuid[]) AS v (id, token)
    WHERE t.id = v.id AND t.id >= ${ids[0]} AND t.id <= ${ids.at(-1)}`;
}

async function eachPage(
  database: TicketDatabase,
  size: number,
  rows: number,
  write: (ids: bigint[]) => Promise<void>,
): Promise<void> {
  let after: bigint | undefined;
  for (let done = 0; done < rows; ) {
    const where = after === undefined ? {} : { id: { gt: after } };
    const take = Math.min(size, rows - done);
    const page: { id: bigint }[] = await database.ticket.findMany({
      where,
      orderBy: { id: 'asc' },
      take,
      select: { id: true },
    });
    if (page.length === 0) return;
    await write(page.map(({ id }) => id));
    after = page.at(-1)?.id;
    done += page.length;
  }
}
