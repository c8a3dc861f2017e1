import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { openTicketDatabase } from '../../scripts/support/ticket-database.ts';
import { ConfigurationError, GaveUpError, parseSettings, type RotationContext } from '../../src/index.ts';
import { leakedFinding } from '../../src/verify/leaked-finding.ts';
import { readLeakedList } from '../../src/verify/leaked-list.ts';
import { findSurvivors } from '../../src/verify/survivors.ts';
import { useTestDatabase } from '../support/database.ts';
import { insertTickets, keysUpTo, TICKETS, tokensByKey } from '../support/tickets.ts';
import { until } from '../support/until.ts';

const UUID = /[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}/i;

describe('looking leaked tokens up', () => {
  const { database, url } = useTestDatabase();
  const contextOf = (context: Partial<RotationContext> = {}): RotationContext => ({
    database,
    target: TICKETS,
    settings: parseSettings({ maxRetryTimeMs: 10_000 }),
    signal: new AbortController().signal,
    onEvent: () => {},
    ...context,
  });
  const lookUp = (tokens: readonly string[], context?: Partial<RotationContext>) =>
    findSurvivors(contextOf(context), listOf(tokens));
  const listOf = (tokens: readonly string[]) =>
    readLeakedList(Readable.from([Buffer.from(tokens.join('\n'))]), { format: 'plain' });
  const tokenOf = async (key: number) => (await tokensByKey(database)).get(BigInt(key)) ?? '';
  const others = (count: number) => Array.from({ length: count }, () => randomUUID());

  it('finds none when none is in the table', async () => {
    await insertTickets(database, keysUpTo(100));
    expect(await lookUp(others(50))).toEqual({
      checked: 50,
      unreadable: { count: 0, lines: [] },
      survivors: { count: 0, keys: [] },
      outOfScope: { count: 0, keys: [] },
      column: 'known',
    });
  });

  it('finds the one among many, however it is written, and tells its key and not the token', async () => {
    await insertTickets(database, keysUpTo(100));
    const token = await tokenOf(42);
    for (const written of [token, token.toUpperCase(), token.replaceAll('-', ''), `"${token}"`]) {
      const tokens = await lookUp([...others(45_000), written, ...others(10), 'no token']);
      expect(tokens).toMatchObject({
        checked: 45_011,
        unreadable: { count: 1, lines: [45_012] },
        survivors: { count: 1, keys: ['42'] },
      });
      expect(JSON.stringify([tokens, leakedFinding(tokens, { state: 'complete', allowUnreadable: 0 })])).not.toMatch(
        UUID,
      );
    }
  });

  it('counts a row once although its token is listed over and over', async () => {
    await insertTickets(database, keysUpTo(100));
    const token = await tokenOf(42);
    const { survivors } = await lookUp([token, token, ...others(45_000), token.toUpperCase(), token]);
    expect(survivors).toEqual({ count: 1, keys: ['42'] });
  });

  it('counts all survivors, and keeps the keys of a thousand of them, in key order', async () => {
    await insertTickets(database, keysUpTo(2_500));
    const { survivors } = await lookUp([...(await tokensByKey(database)).values()]);
    expect(survivors.count).toBe(2_500);
    expect(survivors.keys).toHaveLength(1_000);
    expect(survivors.keys).toEqual(
      survivors.keys
        .map(Number)
        .sort((a, b) => a - b)
        .map(String),
    );
  });

  it('counts those among the first thousand once, however many there are', async () => {
    await insertTickets(database, keysUpTo(1_500));
    const tokens = [...(await tokensByKey(database)).values()];
    const { survivors } = await lookUp([...tokens, ...others(60_000), ...tokens]);
    expect(survivors.count).toBeGreaterThanOrEqual(1_500);
    expect(survivors.count).toBeLessThanOrEqual(2_000);
  });

  it('tells how far it is', async () => {
    await insertTickets(database, keysUpTo(100));
    const list = [await tokenOf(7), ...others(59_999)];
    const told: [number, number][] = [];
    await findSurvivors(contextOf(), listOf(list), (...progress) => told.push(progress));
    expect(told.at(-1)).toEqual([60_000, 1]);
    expect(told.map(([checked]) => checked)).toEqual(told.map(([checked]) => checked).sort((a, b) => a - b));
    expect(told.length).toBeGreaterThanOrEqual(3);
  });

  it('goes by the index, and never through the whole table', async () => {
    const scans = async () => {
      const [row] = await database.$queryRaw<{ seqScans: number; indexScans: number; inserts: number }[]>`
        SELECT seq_scan::int AS "seqScans", idx_scan::int AS "indexScans", n_tup_ins::int AS inserts
        FROM pg_stat_user_tables WHERE relname = 'tickets'`;
      return row ?? { seqScans: 0, indexScans: 0, inserts: 0 };
    };
    const sessions = async () => {
      const [row] = await database.$queryRaw<{ others: number }[]>`
        SELECT count(*)::int AS others FROM pg_stat_activity
        WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()`;
      return row?.others;
    };
    const { inserts } = await scans();
    await insertTickets(database, keysUpTo(5_000));
    await database.$executeRaw`ANALYZE tickets`;
    await database.$disconnect(); // sessions report what they did when they end
    await until(async () => (await sessions()) === 0 && (await scans()).inserts >= inserts + 5_000);
    const before = await scans();
    const own = openTicketDatabase(url);
    await lookUp(others(20_000), { database: own });
    await own.$disconnect();
    await until(async () => (await scans()).indexScans > before.indexScans);
    expect((await scans()).seqScans).toBe(before.seqScans);
  });

  it('cannot write', async () => {
    await insertTickets(database, keysUpTo(10));
    const readOnlyUrl = new URL(url);
    readOnlyUrl.searchParams.set('options', '-c default_transaction_read_only=on');
    const readOnly = openTicketDatabase(readOnlyUrl.href);
    const { survivors } = await lookUp([await tokenOf(3)], { database: readOnly });
    expect(survivors.keys).toEqual(['3']);
    await readOnly.$disconnect();
  });

  it('finds the same when its connections are lost on the way', async () => {
    await insertTickets(database, keysUpTo(100));
    const list = [...others(100_000), await tokenOf(99), ...others(100_000)];
    const own = openTicketDatabase(url);
    let terminated = 0;
    const terminateLookups = async () => {
      if (terminated >= 3) return;
      const rows = await database.$queryRaw<unknown[]>`
        SELECT pg_terminate_backend(pid)::text FROM pg_stat_activity
        WHERE datname = current_database() AND query LIKE '%= ANY (%' AND pid <> pg_backend_pid()`;
      terminated += rows.length;
    };
    const timer = setInterval(() => void terminateLookups().catch(() => {}), 40);
    const tokens = await findSurvivors(contextOf({ database: own }), listOf(list)).finally(() => clearInterval(timer));
    await own.$disconnect();
    expect(tokens).toMatchObject({ checked: 200_001, survivors: { count: 1, keys: ['99'] } });
    expect(terminated).toBeGreaterThan(0);
  });

  it('gives up when the database stays away, and closes the list', async () => {
    const gone = openTicketDatabase(Object.assign(new URL(url), { port: '1' }).href);
    const file = Readable.from([Buffer.from(others(100_000).join('\n'))]);
    const settings = parseSettings({ maxRetryTimeMs: 0 });
    const looking = findSurvivors(contextOf({ database: gone, settings }), readLeakedList(file, { format: 'plain' }));
    await expect(looking).rejects.toThrow(GaveUpError);
    expect(file.destroyed).toBe(true);
  });

  it('ends with an AbortError when it is aborted, and closes the list', async () => {
    const controller = new AbortController();
    const file = Readable.from([Buffer.from(others(100_000).join('\n'))]);
    const list = readLeakedList(file, { format: 'plain' });
    const looking = findSurvivors(contextOf({ signal: controller.signal }), list, () => controller.abort());
    await expect(looking).rejects.toThrow(expect.objectContaining({ name: 'AbortError' }));
    expect(file.destroyed).toBe(true);
  });

  it('fails when the list turns out to be unreadable', async () => {
    const list = readLeakedList(Readable.from([Buffer.from('id,uuid\n')]), { format: 'csv' });
    await expect(findSurvivors(contextOf(), list)).rejects.toThrow(ConfigurationError);
  });
});
