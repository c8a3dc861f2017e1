import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { dataModelOf } from '../../src/config/data-model.ts';
import { sha256Of } from '../../src/config/hashed-kinds.ts';
import { resolveTarget } from '../../src/config/resolve-target.ts';
import type { AfterBatch, Target, TargetDefinition } from '../../src/config/target.ts';
import type { Database } from '../../src/database/database.ts';
import {
  AfterBatchError,
  base64url,
  ConfigurationError,
  custom,
  defineTargets,
  describeError,
  GaveUpError,
  NotVerifiedError,
  openDatabase,
  parseSettings,
  type RotatedRow,
  type RotationEvent,
  RowsNotRotatedError,
  rotate,
  sha256,
  targetNamed,
  uuid,
} from '../../src/index.ts';
import { SILENT_CLIENT_MS } from '../../src/rotate/after-batch.ts';
import { useTestDatabase } from '../support/database.ts';
import { PrismaClient as TestClient } from '../support/generated/prisma/client.ts';
import { PATIENT } from '../support/patient.ts';
import { createPeople, dropPeople } from '../support/people.ts';
import {
  changesPerTicket,
  insertTickets,
  keysUpTo,
  recordTokenChanges,
  ticketTarget,
  tokensByKey,
} from '../support/tickets.ts';
import { until } from '../support/until.ts';

describe('the update of a target', () => {
  const { database, url } = useTestDatabase();
  const events: RotationEvent[] = [];
  const run = async (given: Target | Promise<Target>, settings: object = {}, client: Database = database) => {
    const target = await given;
    events.length = 0;
    return rotate({
      database: client,
      target,
      settings: parseSettings({ name: 'test', batchSize: 100, workers: 1, ...settings }),
      signal: new AbortController().signal,
      onEvent: (event) => events.push(event),
    });
  };

  describe('with a scope', () => {
    const oddSeats = () => ticketTarget({ scope: { id: { in: keysUpTo(500).filter((key) => key % 2 === 1) } } });

    it.each(['app', 'database'])('changes the rows in it, and no other (tokens: %s)', async (tokens) => {
      await insertTickets(database, keysUpTo(1_000));
      const before = await tokensByKey(database);
      expect(await run(oddSeats(), { tokens })).toMatchObject({ outcome: 'complete', rowsDone: 250 });
      const changed = [...(await tokensByKey(database))].filter(([key, token]) => before.get(key) !== token);
      expect(changed.map(([key]) => Number(key))).toEqual(keysUpTo(500).filter((key) => key % 2 === 1));
    });

    it.each(['app', 'database'])('changes the rows that a relation puts in it (tokens: %s)', async (tokens) => {
      const client = openDatabase(TestClient, url, { connections: 3 });
      await createPeople(client);
      const person = {
        model: 'Person',
        key: 'id',
        token: 'secret',
        kind: uuid(),
        scope: { organization: { name: 'ACME' } },
      } as const;
      const target = await targetNamed(defineTargets(TestClient, { person }), 'person', client);
      expect(await run(target, { tokens }, client)).toMatchObject({ outcome: 'complete', rowsDone: 2 });
      const secrets = await client.person.findMany({ select: { id: true, secret: true }, orderBy: { id: 'asc' } });
      expect(secrets.map(({ secret }) => secret !== null)).toEqual([true, true, false]);
      await dropPeople(client);
      await client.$disconnect();
    });

    it('goes through a batch of keys at a time, however few of them are in it', async () => {
      await insertTickets(database, keysUpTo(1_000));
      await run(ticketTarget({ scope: { id: 950 } }));
      const rows = events.flatMap((event) => (event.type === 'batch' ? [event.rows] : []));
      expect(rows).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    });

    it('tells how many rows are in it', async () => {
      await insertTickets(database, keysUpTo(1_000));
      await run(oddSeats());
      expect(events).toContainEqual(expect.objectContaining({ type: 'started', rowsTotal: 250 }));
      expect(events.find(({ type }) => type === 'verified')).toMatchObject({
        findings: [{}, {}, { message: expect.stringContaining('250 rows rotated, 250 rows exist now') }, {}],
      });
    });

    it('leaves a row alone that somebody takes out of it while its lock is waited for', async () => {
      await insertTickets(database, keysUpTo(3));
      await recordTokenChanges(database);
      const running = await database.$transaction(async (transaction) => {
        await transaction.$executeRaw`UPDATE tickets SET subject = 'returned' WHERE id = 2`;
        const running = run(ticketTarget({ scope: { subject: { not: 'returned' } } }), { lockTimeoutMs: 60_000 });
        await until(() => events.some(({ type }) => type === 'blocked'));
        return { running };
      }, PATIENT);
      await expect(running.running).rejects.toThrow(NotVerifiedError); // its leaked token still works
      expect(await changesPerTicket(database)).toEqual({ 0: 1, 1: 2 });
    });

    it.each<[string, Parameters<typeof ticketTarget>[0], string]>([
      ['another scope', { scope: { subject: 'b' } }, 'tickets.token by id where { subject: "b" }'],
      ['no scope', {}, 'tickets.token by id'],
      ['another key', { key: 'subject', scope: { subject: 'a' } }, 'tickets.token by subject where { subject: "a" }'],
      [
        'another kind of token',
        { scope: { subject: 'a' }, kind: custom({ name: 'mine', bits: 122, make: crypto.randomUUID }) },
        'tickets.token by id as custom(mine) where { subject: "a" }',
      ],
    ])('is not resumed with %s', async (_, other, label) => {
      await insertTickets(database, [1]);
      await run(ticketTarget({ scope: { subject: 'a' } }));
      await expect(run(ticketTarget(other))).rejects.toThrow(
        `rotation 'test' was started for tickets.token by id where { subject: "a" }, not for ${label}. To continue it,`,
      );
    });
  });

  describe('while the application goes on', () => {
    const FRESH = ['00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000002'];

    /** In the first batch, row 20 gets a fresh token, row 0 a key that the cursor has not reached, and row 15 is inserted. */
    const goOn = (): AfterBatch => {
      let isDone = false;
      return async (transaction) => {
        if (isDone) return;
        isDone = true;
        await transaction.$executeRaw`UPDATE tickets SET token = ${FRESH[0]}::uuid WHERE id = 20`;
        await transaction.$executeRaw`UPDATE tickets SET id = 16 WHERE id = 1`;
        await transaction.$executeRaw`UPDATE tickets SET subject = 'changed' WHERE id = 19`;
        await transaction.$executeRaw`
          INSERT INTO tickets (id, token, subject, holder_email) VALUES (15, ${FRESH[1]}::uuid, 'new', 'new')`;
      };
    };
    const start = () =>
      insertTickets(
        database,
        keysUpTo(20).filter((key) => key !== 15 && key !== 16),
      );

    it.each([{ tokens: 'app' }, { tokens: 'database' }, { tokens: 'app', scope: { subject: { not: 'returned' } } }])(
      'leaves fresh tokens alone that were written since the start: $tokens $scope',
      async ({ tokens, scope }) => {
        await start();
        const before = await tokensByKey(database);
        await recordTokenChanges(database);
        const target = ticketTarget({ afterBatch: goOn(), ...(scope && { scope }) });
        const result = await run(target, { tokens, batchSize: 5 });
        const now = await tokensByKey(database);
        expect([now.get(20n), now.get(15n)]).toEqual(FRESH);
        // 16 was rotated as 1, 19 was changed by the application but for its token, and 20 by the application alone.
        expect(await changesPerTicket(database)).toEqual({ 0: 2, 1: 17 });
        expect([...now.values()].filter((token) => [...before.values()].includes(token))).toEqual([]);
        expect(result).toMatchObject({ outcome: 'complete', rowsDone: 17 });
        expect(events.find(({ type }) => type === 'verified')).toMatchObject({
          findings: [{ level: 'ok' }, { level: 'ok' }, { level: 'ok' }, { level: 'ok' }],
        });
      },
    );

    it('replaces tokens of another form, and gives one to rows that lost theirs', async () => {
      await database.$executeRaw`ALTER TABLE tickets ALTER token DROP NOT NULL`;
      await start();
      const afterBatch: AfterBatch = async (transaction, [row]) => {
        if (row?.key !== 1n) return;
        await transaction.$executeRaw`UPDATE tickets SET token = NULL WHERE id = 19`;
        await transaction.$executeRaw`UPDATE tickets SET token = '6fa459ea-ee8a-11ca-894e-db77e160355e' WHERE id = 20`;
      };
      const running = run(ticketTarget({ afterBatch }), { batchSize: 15 });
      expect(await running).toMatchObject({ outcome: 'complete', rowsDone: 18 });
      expect([...(await tokensByKey(database)).values()].every((token) => /^.{14}4/.test(token))).toBe(true);
      await database.$executeRaw`ALTER TABLE tickets ALTER token SET NOT NULL`;
    });

    it('replaces them, too, where no tokens are condemned that they could be told from', async () => {
      await start();
      await run(ticketTarget({ afterBatch: goOn() }), { batchSize: 5, condemn: false });
      const now = await tokensByKey(database);
      expect(FRESH.filter((token) => [now.get(20n), now.get(15n)].includes(token))).toEqual([]);
    });
  });

  it.each([
    ['packed', { makeBytes: (count: number) => randomBytes(16 * (count - 1)) }],
    ['listed', { makeBytes: null, make: (count: number) => uuid().make(count - 1) }],
  ])('needs a token for each row, lest a page seem to be the last one (%s)', async (_, how) => {
    await insertTickets(database, keysUpTo(3));
    const tooFew = { ...uuid(), ...how };
    await expect(run(ticketTarget({ kind: tooFew }))).rejects.toThrow('100 rows need as many tokens');
    expect(await database.rotationCheckpoint.findMany()).toMatchObject([{ cursor: null, rowsRotated: 0n }]);
  });

  describe('with an afterBatch', () => {
    beforeEach(() => database.$executeRaw`CREATE TABLE outbox (id bigint, token uuid, CHECK (id <> 7))`);
    afterEach(() => database.$executeRaw`DROP TABLE outbox`);
    const write: AfterBatch = async (transaction, rows) => {
      for (const { key, token } of rows) {
        await transaction.$executeRaw`INSERT INTO outbox VALUES (${key}, ${token}::uuid)`;
      }
    };
    const outbox = () =>
      database.$queryRaw<{ id: bigint; token: string }[]>`SELECT id, token::text FROM outbox ORDER BY id`;

    it.each(['app', 'database'])('hands over each row that was rotated (tokens: %s)', async (tokens) => {
      await insertTickets(database, [1, 2, 3, 9_007_199_254_740_993n]);
      await run(ticketTarget({ afterBatch: write, scope: { id: { not: 2 } } }), { tokens, batchSize: 3 });
      const now = await tokensByKey(database);
      now.delete(2n);
      expect((await outbox()).map(({ id, token }) => [id, token])).toEqual([...now]);
    });

    it('sets a row aside that it fails for, and keeps what it did for all others', async () => {
      await insertTickets(database, keysUpTo(20));
      await recordTokenChanges(database);
      const running = run(ticketTarget({ afterBatch: write }));
      await expect(running).rejects.toThrow(RowsNotRotatedError);
      await expect(running).rejects.toMatchObject({ rows: [{ key: '7', fault: '23514' }] });
      expect(await changesPerTicket(database)).toEqual({ 0: 1, 1: 19 });
      expect((await outbox()).map(({ id }) => Number(id))).toEqual(keysUpTo(20).filter((key) => key !== 7));

      await database.$executeRaw`ALTER TABLE outbox DROP CONSTRAINT outbox_id_check`;
      expect(await run(ticketTarget({ afterBatch: write }))).toMatchObject({ outcome: 'complete', rowsDone: 20 });
      expect(await changesPerTicket(database)).toEqual({ 1: 20 });
      expect(await outbox()).toHaveLength(20);
    });

    it('changes nothing when it throws', async () => {
      await insertTickets(database, keysUpTo(20));
      const before = await tokensByKey(database);
      const failing: AfterBatch = async (transaction, rows) => {
        await write(transaction, rows.slice(0, 5));
        throw new TypeError('no template');
      };
      await expect(run(ticketTarget({ afterBatch: failing }))).rejects.toThrow(AfterBatchError);
      expect(await tokensByKey(database)).toEqual(before);
      expect(await outbox()).toEqual([]);
    });

    it.each<[string, AfterBatch, string]>([
      ['nothing is waited for', () => undefined as never, 'afterBatch returned no promise'],
      [
        'it wants a transaction of its own',
        async (transaction) => (transaction as unknown as { $transaction: unknown }).$transaction,
        'afterBatch called $transaction',
      ],
    ])('is refused where %s', async (_, afterBatch, message) => {
      await insertTickets(database, keysUpTo(20));
      const before = await tokensByKey(database);
      const running = run(ticketTarget({ afterBatch }));
      await expect(running).rejects.toThrow(ConfigurationError);
      await expect(running).rejects.toThrow(message);
      expect(await tokensByKey(database)).toEqual(before);
    });

    it('is tried again, and may be told to be too slow, when the server has taken the transaction away', async () => {
      await insertTickets(database, keysUpTo(20));
      const slow: AfterBatch = async (transaction) => {
        await new Promise((resolve) => setTimeout(resolve, SILENT_CLIENT_MS + 500));
        await transaction.$queryRaw`SELECT 1`;
      };
      const error = await run(ticketTarget({ afterBatch: slow }), { maxRetryTimeMs: 0 }).catch(
        (error: unknown) => error,
      );
      expect(error).toBeInstanceOf(GaveUpError);
      expect(describeError(error)).toMatch(/in afterBatch, after [\d.]+ s/);
    });

    it('lets the planner choose for its statements', async () => {
      await insertTickets(database, [1]);
      let settings: unknown;
      const look: AfterBatch = async (transaction) => {
        settings = await transaction.$queryRaw`
          SELECT name FROM pg_settings WHERE (name LIKE 'enable\\_%' OR name = 'jit') AND setting <> reset_val`;
      };
      await run(ticketTarget({ afterBatch: look }));
      expect(settings).toEqual([]);
    });
  });

  describe('of text', () => {
    const NAMES = [
      'Zoë',
      'ähnlich',
      'b',
      "O'Brien",
      'a,b',
      '{c}',
      'NULL',
      'back\\slash',
      '__proto__',
      'constructor',
      ' ',
    ];
    const client = openDatabase(TestClient, url, { connections: 3 });
    afterAll(() => client.$disconnect());
    const orders = (more: Partial<TargetDefinition>) =>
      resolveTarget(
        { model: 'Order', key: 'name', token: 'secret', kind: base64url({ bytes: 16 }), ...more },
        dataModelOf(client),
      );
    beforeEach(async () => {
      await database.$executeRaw`CREATE SCHEMA "shop 1"`;
      await database.$executeRaw`CREATE COLLATION german (provider = icu, locale = 'de-DE')`;
      await database.$executeRaw`
        CREATE TABLE "shop 1"."Order" ("user" text COLLATE german PRIMARY KEY, "geheim x" varchar(64), place int)`;
      await database.$executeRaw`INSERT INTO "shop 1"."Order" SELECT unnest(${NAMES}::text[]), 'old', 1`;
    });
    afterEach(async () => {
      await database.$executeRaw`DROP SCHEMA "shop 1" CASCADE`;
      await database.$executeRaw`DROP COLLATION german`;
    });
    const secrets = async () => {
      const rows = await database.$queryRaw<{ name: string; secret: string }[]>`
        SELECT "user" AS name, "geheim x" AS secret FROM "shop 1"."Order"`;
      return new Map(rows.map(({ name, secret }) => [name, secret]));
    };

    it('reaches every key of any text in any collation, in a table of any name', async () => {
      expect(await run(orders({}), { batchSize: 2 }, client)).toMatchObject({
        rowsDone: NAMES.length,
        watermark: 'Zoë',
      });
      expect([...(await secrets()).values()].filter((secret) => !/^[\w-]{22}$/.test(secret))).toEqual([]);
    });

    it('sets aside and rotates later whatever the key is', async () => {
      await database.$executeRaw`
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE check_violation; END $$`;
      await database.$executeRaw`
        CREATE TRIGGER refuse BEFORE UPDATE ON "shop 1"."Order" FOR EACH ROW EXECUTE FUNCTION refuse()`;
      await expect(run(orders({}), {}, client)).rejects.toMatchObject({
        rows: expect.arrayContaining(NAMES.map((key) => ({ key, fault: '23514' }))),
      });
      await database.$executeRaw`DROP FUNCTION refuse CASCADE`;
      expect(await run(orders({}), {}, client)).toMatchObject({ outcome: 'complete', rowsDone: NAMES.length });
    });

    it('stores only hashes where the target says so, and hands over what they were made from', async () => {
      const handed: RotatedRow[] = [];
      const afterBatch: AfterBatch = async (_, rows) => handed.push(...rows);
      await run(orders({ kind: sha256(uuid()), afterBatch }), { batchSize: 4 }, client);
      expect(new Map(handed.map(({ key, token }) => [key, sha256Of(token).toString('hex')]))).toEqual(await secrets());
      expect(handed[0]?.token).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4/);
    });

    it('writes tokens of your own, of any characters', async () => {
      let serial = 0;
      const make = () => `"${serial++}",{\\}`;
      await run(orders({ kind: custom({ name: 'odd', bits: 128, make }) }), {}, client);
      expect([...(await secrets()).values()].every((secret) => /^"\d+",\{\\\}$/.test(secret))).toBe(true);
    });
  });
});
