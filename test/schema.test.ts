import { describe, expect, it } from '@jest/globals';
import config from '../rotate-tokens.config.ts';
import { openTicketDatabase } from '../scripts/support/ticket-database.ts';
import { parseSettings, rotate, schemaOf, targetNamed } from '../src/index.ts';
import { readLeakedList } from '../src/verify/leaked-list.ts';
import { findSurvivors } from '../src/verify/survivors.ts';
import { runRotation } from './support/command.ts';
import { useTestDatabase } from './support/database.ts';
import { ticketContext } from './support/rotations.ts';
import { addSchema } from './support/schemas.ts';
import { insertTickets, keysUpTo, survivors, tokensByKey } from './support/tickets.ts';

const ROLE = `clerk_${process.pid}`;

describe('the table that is rotated', () => {
  const { database, url } = useTestDatabase();
  const asClerk = () => Object.assign(new URL(url), { username: ROLE, password: 'clerk' }).href;

  it('is the one of the URL, whatever the search_path of the user finds first', async () => {
    await insertTickets(database, keysUpTo(100));
    await database.$transaction([
      database.$executeRawUnsafe(`CREATE ROLE ${ROLE} LOGIN PASSWORD 'clerk'`),
      database.$executeRawUnsafe(`CREATE SCHEMA ${ROLE} AUTHORIZATION ${ROLE}`),
      database.$executeRawUnsafe(
        `CREATE TABLE ${ROLE}.tickets AS SELECT id, gen_random_uuid() AS token FROM tickets LIMIT 50`,
      ),
      database.$executeRawUnsafe(`CREATE VIEW ${ROLE}.rotations AS SELECT 1 AS name`),
      database.$executeRawUnsafe(`GRANT ALL ON ALL TABLES IN SCHEMA public, ${ROLE} TO ${ROLE}`),
    ]);
    const lookalike = () => database.$queryRawUnsafe(`SELECT * FROM ${ROLE}.tickets ORDER BY id`);
    const [leaked, before] = [await tokensByKey(database), await lookalike()];

    const { exitCode, stdout } = await runRotation([], asClerk());
    expect({ exitCode, warns: /warning {2}table: /.test(stdout) }).toEqual({ exitCode: 0, warns: true });
    expect(survivors(leaked, await tokensByKey(database))).toBe(0);
    expect(await lookalike()).toEqual(before);
    await database.$executeRawUnsafe(`DROP OWNED BY ${ROLE} CASCADE`);
    await database.$executeRawUnsafe(`DROP ROLE ${ROLE}`);
  });

  it('is not a temporary table or view of that name', async () => {
    await insertTickets(database, keysUpTo(100));
    const leaked = await tokensByKey(database);
    const session = openTicketDatabase(url, { connections: 1 });
    await session.$executeRaw`CREATE TEMPORARY TABLE tickets (id bigint, token uuid)`;
    await session.$executeRaw`CREATE TEMPORARY VIEW rotation_checkpoints AS SELECT 1 AS partition`;
    await session.$executeRaw`CREATE TEMPORARY VIEW condemned_tokens AS SELECT 1 AS bucket`;
    const settings = parseSettings({ name: 'test', workers: 1 });
    const context = ticketContext(session, { settings });
    expect(await rotate(context)).toMatchObject({ outcome: 'complete', rowsDone: 100 });
    expect(survivors(leaked, await tokensByKey(database))).toBe(0);
    const list = async function* () {
      yield Buffer.from([...(await tokensByKey(database)).values()].join('\n'));
    };
    const found = await findSurvivors(context, readLeakedList(list(), { format: 'plain' }));
    expect(found.survivors.count).toBe(100);
    await session.$disconnect();
  });

  it.each(['App', 'a,public', 'with a space'])(
    'is in the schema that ?schema= names, to the letter: %s',
    async (name) => {
      await insertTickets(database, keysUpTo(100));
      const others = await tokensByKey(database);
      const schemaUrl = new URL(url);
      schemaUrl.searchParams.set('schema', name);
      await addSchema(database, name);

      const there = openTicketDatabase(schemaUrl.href, { connections: 3 });
      const target = await targetNamed(config, 'ticket', there, schemaOf(schemaUrl.href));
      expect(await rotate(ticketContext(there, { target }))).toMatchObject({ outcome: 'complete', rowsDone: 10 });
      expect(await tokensByKey(database)).toEqual(others);
      expect(survivors(others, await tokensByKey(there))).toBe(0);
      await there.$disconnect();
      await database.$executeRawUnsafe(`DROP SCHEMA "${name}" CASCADE`);
    },
  );

  it('is not looked for anywhere else when there is no such schema', async () => {
    await insertTickets(database, keysUpTo(100));
    const others = await tokensByKey(database);
    const { exitCode, stderr } = await runRotation([], `${url}?schema=app`);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('app');
    expect(await tokensByKey(database)).toEqual(others);
  });
});
