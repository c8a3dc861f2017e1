import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { TargetDefinition } from '../../src/config/target.ts';
import {
  base64url,
  openDatabase,
  parseSettings,
  type RotatedRow,
  type RotationContext,
  rotate,
  targetNamed,
  uuid,
  verifyRotation,
} from '../../src/index.ts';
import { rehearse } from '../../src/rotate/dry-run.ts';
import { readLeakedList } from '../../src/verify/leaked-list.ts';
import { findSurvivors } from '../../src/verify/survivors.ts';
import { useTestDatabase } from '../support/database.ts';
import { type Prisma, PrismaClient } from '../support/generated/prisma/client.ts';

type Definition = Partial<TargetDefinition> & { scope?: Prisma.MemberWhereInput };

/** Of tenants 1 to 4, which have very different numbers of members. */
const MEMBERS = [3, 40, 0, 160];
const ROWS = 203;

describe('a key of several fields', () => {
  const { url } = useTestDatabase();
  const client = openDatabase(PrismaClient, url, { connections: 5 });
  beforeAll(async () => {
    for (const statement of [
      'CREATE SCHEMA "shop 1"',
      "CREATE TYPE plan AS ENUM ('basic plan', 'pro')",
      "CREATE COLLATION german (provider = icu, locale = 'de-DE')",
      'CREATE TABLE changes (tenant_id int, id text)',
      `CREATE FUNCTION record_change() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN INSERT INTO changes VALUES (NEW.tenant_id, NEW.id); RETURN NULL; END $$`,
    ]) {
      await client.$executeRawUnsafe(statement);
    }
  });
  beforeEach(async () => {
    await client.$executeRaw`DROP TABLE IF EXISTS "shop 1".members`;
    await client.$executeRaw`
      CREATE TABLE "shop 1".members (
        tenant_id int, id text COLLATE german, secret text NOT NULL UNIQUE, plan plan NOT NULL, PRIMARY KEY (tenant_id, id)
      )`;
    await client.member.createMany({
      data: MEMBERS.flatMap((count, index) =>
        Array.from({ length: count }, (_, number) => ({
          tenantId: index + 1,
          id: ['a', 'Ä', 'b,"', "{O'}", 'null'][number % 5] + String(number),
          secret: `old ${randomUUID()}`,
          plan: number % 2 === 0 ? ('BASIC' as const) : ('PRO' as const),
        })),
      ),
    });
    await client.$executeRaw`TRUNCATE changes, rotations CASCADE`;
    await client.$executeRaw`
      CREATE TRIGGER record_change AFTER UPDATE OF secret ON "shop 1".members FOR EACH ROW EXECUTE FUNCTION record_change()`;
  });
  afterAll(() => client.$disconnect());

  const contextWith = async (more: Definition = {}, settings: object = {}): Promise<RotationContext> => {
    const mine = {
      model: 'Member',
      key: ['tenantId', 'id'],
      token: 'secret',
      kind: base64url({ bytes: 24 }),
      ...more,
    };
    return {
      database: client,
      target: await targetNamed({ PrismaClient, targets: { mine } }, 'mine', client),
      settings: parseSettings({ name: 'test', batchSize: 7, workers: 2, ...settings }),
      signal: new AbortController().signal,
      onEvent: () => {},
    };
  };
  /** How many rows were changed how many times: `{ 1: 203 }`. */
  const changes = async () => {
    const rows = await client.$queryRaw<{ changes: number; rows: number }[]>`
      SELECT changes, count(*)::int AS rows FROM (
        SELECT count(changes.id)::int AS changes FROM "shop 1".members LEFT JOIN changes USING (tenant_id, id)
        GROUP BY members.tenant_id, members.id
      ) AS counted GROUP BY changes`;
    return Object.fromEntries(rows.map((row) => [row.changes, row.rows]));
  };
  const levels = async (context: RotationContext) => (await verifyRotation(context)).map(({ level }) => level);

  it.each(['app', 'database'])('reaches each row once, whatever its parts hold (tokens: %s)', async (tokens) => {
    await client.$executeRaw`DROP TRIGGER record_change ON "shop 1".members`;
    const kind = tokens === 'database' ? uuid() : base64url({ bytes: 24 });
    const context = await contextWith({ kind }, { tokens, keepCondemned: true });
    expect(await rotate(context)).toMatchObject({ outcome: 'complete', rowsDone: ROWS, watermark: '["4", "null99"]' });
    expect(await client.member.count({ where: { secret: { startsWith: 'old' } } })).toBe(0);
    expect(await levels(context)).toEqual(['ok', 'ok', 'ok', 'ok']);
  });

  it('is handed over as an object, and stays within the scope', async () => {
    const handed: RotatedRow['key'][] = [];
    await rotate(
      await contextWith({
        scope: { plan: 'PRO', tenantId: { not: 1 } },
        afterBatch: async (_, rows) => handed.push(...rows.map(({ key }) => key)),
      }),
    );
    const rows = await client.member.findMany({
      where: { plan: 'PRO', tenantId: { not: 1 } },
      select: { tenantId: true, id: true },
    });
    const text = (key: unknown) => JSON.stringify(key);
    expect(handed.map(text).sort()).toEqual(rows.map(({ tenantId, id }) => text({ tenantId, id })).sort());
    expect(await changes()).toEqual({ 0: ROWS - rows.length, 1: rows.length });
  });

  it('is continued where it stopped, and each row is rotated once', async () => {
    for (let runs = 1; ; runs += 1) {
      const controller = new AbortController();
      let batches = 0;
      const onEvent: RotationContext['onEvent'] = ({ type }) => {
        if (type === 'batch') batches += 1;
        if (batches === 4) controller.abort();
      };
      const context = { ...(await contextWith({ withOldTokens: true, afterBatch: async () => {} })), onEvent };
      const { outcome } = await rotate({ ...context, signal: controller.signal });
      if (outcome === 'complete') {
        expect(runs).toBeGreaterThan(3);
        break;
      }
    }
    expect(await changes()).toEqual({ 1: ROWS });
  });

  it('names rows that cannot be rotated, and rotates them later', async () => {
    await client.$executeRaw`
      ALTER TABLE "shop 1".members ADD CHECK (tenant_id <> 1 OR secret LIKE 'old%') NOT VALID`;
    const running = rotate(await contextWith());
    await expect(running).rejects.toMatchObject({
      rows: ['["1", "a0"]', '["1", "Ä1"]', `["1", "b,\\"2"]`].map((key) => ({ key, fault: '23514' })),
    });
    await client.$executeRaw`ALTER TABLE "shop 1".members DROP CONSTRAINT members_check`;
    expect(await rotate(await contextWith())).toMatchObject({ outcome: 'complete', rowsDone: ROWS });
    expect(await changes()).toEqual({ 1: ROWS });
  });

  it('is named where a leaked token still works', async () => {
    const leaked = await client.member.findFirstOrThrow({ where: { tenantId: 2 } });
    const context = await contextWith({ scope: { tenantId: { not: 2 } } });
    await rotate(context).catch(() => {}); // a condemned token is not in question here
    const { survivors, outOfScope } = await findSurvivors(
      context,
      readLeakedList(Readable.from([Buffer.from(leaked.secret)]), { format: 'plain' }),
      undefined,
      { allowsOtherForm: true },
    );
    expect([survivors.count, outOfScope.keys]).toEqual([0, [JSON.stringify(['2', leaked.id]).replace(',', ', ')]]);
  });

  it('is planned and rehearsed', async () => {
    const rehearsal = await rehearse(await contextWith());
    expect(rehearsal).toMatchObject({ rows: ROWS, partitions: 1, batch: { rows: 7, foreign: 0 } });
    expect(await changes()).toEqual({ 0: ROWS });
  });

  it('cuts a large table into partitions, which several workers rotate', async () => {
    await client.$executeRaw`
      INSERT INTO "shop 1".members
      SELECT 5 + i / 30000, 'm' || i, 'old ' || i, 'pro' FROM generate_series(1, 60000) AS i`;
    await client.$executeRaw`ANALYZE "shop 1".members`;
    expect(await rotate(await contextWith({}, { batchSize: 3_000 }))).toMatchObject({ rowsDone: ROWS + 60_000 });
    expect(await client.$queryRaw`SELECT count(*)::int AS partitions FROM rotation_checkpoints`).toEqual([
      { partitions: 4 },
    ]);
    expect(await changes()).toEqual({ 1: ROWS + 60_000 });
  });

  it.each([
    ['an index in another order', 'CREATE UNIQUE INDEX ON "shop 1".members (id, tenant_id)'],
    ['an index of other fields, too', 'CREATE UNIQUE INDEX ON "shop 1".members (tenant_id, id, plan)'],
    ['an index in two directions', 'CREATE UNIQUE INDEX ON "shop 1".members (tenant_id, id DESC)'],
    ['an index with another collation', 'CREATE UNIQUE INDEX ON "shop 1".members (tenant_id, id COLLATE "C")'],
  ])('needs a unique index of its own, not %s', async (_, index) => {
    await client.$executeRaw`ALTER TABLE "shop 1".members DROP CONSTRAINT members_pkey`;
    await client.$executeRawUnsafe(index);
    await expect(rotate(await contextWith())).rejects.toThrow(
      '"shop 1".members.(tenant_id, id) alone has no unique index, so rows could be skipped. ' +
        'Run CREATE UNIQUE INDEX CONCURRENTLY ON "shop 1".members (tenant_id, id).',
    );
  });

  it.each([
    ['cursor', '7'],
    ['cursor', '["1"]'],
    ['cursor', '["x", "a"]'],
    ['upper_bound', '["9", "z"]'],
  ])('is refused with a %s that is none: %s', async (column, value) => {
    const controller = new AbortController();
    const onEvent: RotationContext['onEvent'] = ({ type }) => type === 'batch' && controller.abort();
    await rotate({ ...(await contextWith()), onEvent, signal: controller.signal });
    await client.$executeRawUnsafe(`UPDATE rotation_checkpoints SET ${column} = '${value}'`);
    await expect(rotate(await contextWith())).rejects.toThrow(/rotation_checkpoints/);
  });
});
