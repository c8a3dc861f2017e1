import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { runRotation, startRotation } from '../support/command.ts';
import { useTestDatabase } from '../support/database.ts';
import { hasPooler, type Pooler, startPooler } from '../support/pooler.ts';
import { addSchema } from '../support/schemas.ts';
import {
  changesPerTicket,
  insertTickets,
  keysUpTo,
  recordTokenChanges,
  survivors,
  tokensByKey,
} from '../support/tickets.ts';
import { until } from '../support/until.ts';

/** Three partitions' worth. */
const TICKETS = 60_000;

/** Fewer connections than two processes ask for, so that each transaction may be on another one. */
const CONNECTIONS = 3;

// A machine without PgBouncer reports these as skipped.
(hasPooler ? describe : describe.skip)('the command behind PgBouncer in transaction mode', () => {
  const { database, url } = useTestDatabase();
  let pooler: Pooler;

  beforeAll(async () => {
    pooler = await startPooler(url, CONNECTIONS);
  });
  afterAll(() => pooler.stop());

  it('rotates each row exactly once, by two processes at a time, one of which is killed', async () => {
    await insertTickets(database, keysUpTo(TICKETS));
    await recordTokenChanges(database);
    const leaked = await tokensByKey(database);
    const args = ['--batch-size', '500', '--workers', '1', '--max-rows-per-second', '10000'];
    const killed = startRotation(args, pooler.through(url));
    const other = startRotation(args, pooler.through(url));
    await until(async () => (await holders()) === 2);
    killed.process.kill('SIGKILL');
    const { exitCode, stderr } = await other.ended;
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(survivors(leaked, await tokensByKey(database))).toBe(0);
    expect(await changesPerTicket(database)).toEqual({ 1: TICKETS });
  });

  it('finds the schema that ?schema= names, though PgBouncer refuses to set a search_path', async () => {
    await insertTickets(database, keysUpTo(20));
    await addSchema(database, 'app');
    const [leaked, others] = [await ticketsIn('app'), await ticketsIn('public')];
    for (const command of ['run', 'verify']) {
      const { exitCode, stderr } = await runRotation([command], `${pooler.through(url)}?schema=app`);
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    }
    const now = await ticketsIn('app');
    expect(now.filter(({ token }) => leaked.some((before) => before.token === token))).toEqual([]);
    expect(await ticketsIn('public')).toEqual(others);
  });

  /** How many processes hold a partition of which they have done something. */
  async function holders(): Promise<number> {
    const claims = await database.rotationCheckpoint.findMany({
      where: { claimedBy: { not: null }, rowsRotated: { gt: 0 } },
      distinct: 'claimedBy',
    });
    return claims.length;
  }

  function ticketsIn(schema: string): Promise<{ id: bigint; token: string }[]> {
    return database.$queryRawUnsafe(`SELECT id, token::text FROM ${schema}.tickets ORDER BY id`);
  }
});
