import { Readable } from 'node:stream';
import { afterAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { TargetDefinition } from '../../src/config/target.ts';
import {
  base64url,
  NotVerifiedError,
  openDatabase,
  parseSettings,
  type RotationContext,
  type RotationEvent,
  rotate,
  targetNamed,
  verifyRotation,
} from '../../src/index.ts';
import { rehearse } from '../../src/rotate/dry-run.ts';
import { readLeakedList } from '../../src/verify/leaked-list.ts';
import { findSurvivors } from '../../src/verify/survivors.ts';
import { useTestDatabase } from '../support/database.ts';
import { PrismaClient } from '../support/generated/prisma/client.ts';
import { PATIENT } from '../support/patient.ts';
import { until } from '../support/until.ts';

/** In each of three months, the last of which is partitioned again; and in the default partition. */
const ROWS_A_MONTH = 100;
const ROWS = 4 * ROWS_A_MONTH;

describe('a partitioned table', () => {
  const { url } = useTestDatabase();
  const client = openDatabase(PrismaClient, url, { connections: 5 });
  const events: RotationEvent[] = [];
  const execute = async (...statements: string[]) => {
    for (const statement of statements) await client.$executeRawUnsafe(statement);
  };
  /** Again where a batch and the statement wait for each other, as whoever alters a table that is in use would. */
  const untilDone = async (...statements: string[]) => {
    for (const statement of statements) {
      await until(() =>
        execute(statement).then(
          () => true,
          () => false,
        ),
      );
    }
  };
  beforeEach(async () => {
    await execute(
      'DROP TABLE IF EXISTS events, events_march, changes',
      'TRUNCATE rotations CASCADE',
      `CREATE TABLE events (id bigint, created_at timestamp(6), token text NOT NULL, PRIMARY KEY (id, created_at))
       PARTITION BY RANGE (created_at)`,
      "CREATE TABLE events_january PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2026-02-01')",
      "CREATE TABLE events_february PARTITION OF events FOR VALUES FROM ('2026-02-01') TO ('2026-03-01') PARTITION BY HASH (id)",
      'CREATE TABLE events_february_0 PARTITION OF events_february FOR VALUES WITH (MODULUS 2, REMAINDER 0)',
      'CREATE TABLE events_february_1 PARTITION OF events_february FOR VALUES WITH (MODULUS 2, REMAINDER 1)',
      "CREATE TABLE events_march PARTITION OF events FOR VALUES FROM ('2026-03-01') TO ('2026-04-01')",
      'CREATE TABLE events_other PARTITION OF events DEFAULT',
      `INSERT INTO events SELECT i, timestamp '2026-01-01 00:00:00.000001' + i % 4 * interval '1 month' + i * interval '1 second',
       'old ' || i FROM generate_series(1, ${ROWS}) AS i`,
      'CREATE TABLE changes (id bigint)',
      `CREATE OR REPLACE FUNCTION record_change() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN INSERT INTO changes VALUES (NEW.id); RETURN NULL; END $$`,
      'CREATE TRIGGER record_change AFTER UPDATE OF token ON events FOR EACH ROW EXECUTE FUNCTION record_change()',
    );
  });
  afterAll(() => client.$disconnect());

  const contextWith = async (more: Partial<TargetDefinition> = {}, settings: object = {}): Promise<RotationContext> => {
    events.length = 0;
    const mine = { model: 'Event', key: ['id', 'createdAt'], token: 'token', kind: base64url({ bytes: 24 }), ...more };
    return {
      database: client,
      target: await targetNamed({ PrismaClient, targets: { mine } }, 'mine', client),
      settings: parseSettings({ name: 'test', batchSize: 30, workers: 2, ...settings }),
      signal: new AbortController().signal,
      onEvent: (event) => events.push(event),
    };
  };
  /** How many rows were changed how many times: `{ 1: 400 }`. */
  const changes = async () => {
    const rows = await client.$queryRaw<{ changes: number; rows: number }[]>`
      SELECT changes, count(*)::int AS rows FROM (
        SELECT count(changes.id)::int AS changes FROM events LEFT JOIN changes USING (id) GROUP BY events.id
      ) AS counted GROUP BY changes`;
    return Object.fromEntries(rows.map((row) => [row.changes, row.rows]));
  };

  it.each([[['id', 'createdAt']], [['createdAt', 'id']]])(
    'is one target: all its partitions are rotated, each row once, with one proof (by %j)',
    async (key) => {
      await execute('ALTER TABLE events ADD UNIQUE (created_at, id)');
      const context = await contextWith({ key }, { keepCondemned: true });
      expect(await rotate(context)).toMatchObject({ outcome: 'complete', rowsDone: ROWS });
      expect(await changes()).toEqual({ 1: ROWS });
      expect(events).toContainEqual({ type: 'condemned', tokens: ROWS });
      expect(await verifyRotation(context)).toMatchObject([
        { level: 'ok' },
        {
          level: 'ok',
          message: 'None of the 400 tokens that were valid when the rotation began is left in events, under any key.',
        },
        { level: 'ok', message: expect.stringContaining('400 rows rotated, 400 rows exist now') },
        { level: 'ok', message: expect.stringContaining('no two are equal') },
      ]);
    },
  );

  it('is continued where it stopped, also with a part of the key that is a time', async () => {
    const controller = new AbortController();
    const context = await contextWith();
    const onEvent = ({ type }: RotationEvent) => type === 'batch' && controller.abort();
    expect(await rotate({ ...context, onEvent, signal: controller.signal })).toMatchObject({ outcome: 'interrupted' });
    expect(await rotate(await contextWith())).toMatchObject({ outcome: 'complete', rowsDone: ROWS });
    expect(await changes()).toEqual({ 1: ROWS });
  });

  it('hands over times as Prisma has them', async () => {
    const handed: unknown[] = [];
    await rotate(await contextWith({ afterBatch: async (_, rows) => handed.push(...rows.map(({ key }) => key)) }));
    expect(handed).toContainEqual({ id: 4n, createdAt: new Date('2026-01-01T00:00:04.000Z') });
    expect(handed).toHaveLength(ROWS);
  });

  it('is rehearsed, and its growth is that of all partitions', async () => {
    const rehearsal = await rehearse(await contextWith({}, { batchSize: 400 }));
    expect(rehearsal?.rows).toBe(ROWS);
    expect(rehearsal?.batch.growthBytes).toBeGreaterThan(0);
    expect(await changes()).toEqual({ 0: ROWS });
  });

  it('proves that rows took their tokens also where only one partition has a trigger', async () => {
    await execute(
      `CREATE OR REPLACE FUNCTION keep_token() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN NEW.token := OLD.token; RETURN NEW; END $$`,
      'CREATE TRIGGER keep_token BEFORE UPDATE ON events_february_1 FOR EACH ROW EXECUTE FUNCTION keep_token()',
    );
    await expect(rotate(await contextWith({}, { maxRetryTimeMs: 0 }))).rejects.toThrow();
    const kept = await client.$queryRaw<{ rows: number }[]>`
      SELECT count(*)::int AS rows FROM events WHERE token LIKE 'old%' AND tableoid <> 'events_february_1'::regclass`;
    expect(kept).toEqual([{ rows: 0 }]);
  });

  it('finds a token that was written back into a partition', async () => {
    let batches = 0;
    const afterBatch: TargetDefinition['afterBatch'] = async (transaction) => {
      batches += 1;
      if (batches === 3) await transaction.$executeRaw`UPDATE events_january SET token = 'old 4' WHERE id = 4`;
    };
    expect(await rotate(await contextWith({ afterBatch }, { workers: 1 }))).toMatchObject({ outcome: 'complete' });
    expect(events).toContainEqual({ type: 'survivors', rows: 1 });
    expect(await client.event.count({ where: { token: { startsWith: 'old' } } })).toBe(0);
  });

  it('waits for a transaction that has written into a partition since before the start', async () => {
    await client.$transaction(async (transaction) => {
      await transaction.$executeRaw`INSERT INTO events_january VALUES (5000, '2026-01-05', 'old 5000')`;
      const running = rotate(await contextWith({}, { maxRetryTimeMs: 500, workers: 1 }));
      await expect(running).rejects.toThrow(NotVerifiedError);
    }, PATIENT);
    expect(events.some(({ type }) => type === 'openTransactions')).toBe(true);
    expect(await rotate(await contextWith())).toMatchObject({ outcome: 'complete' });
    expect(await client.event.count({ where: { token: { startsWith: 'old' } } })).toBe(0);
  });

  it('may lose a partition in the meantime, and get one', async () => {
    await execute(
      'CREATE TABLE events_december (LIKE events INCLUDING ALL)',
      "INSERT INTO events_december VALUES (0, '2025-12-01', 'old 0'), (9000, '2025-12-01', 'old 9000')",
    );
    let altering: Promise<void> | undefined;
    const context = await contextWith({}, { workers: 1 });
    const onEvent = ({ type }: RotationEvent) => {
      if (type !== 'batch') return;
      altering ??= untilDone(
        "ALTER TABLE events ATTACH PARTITION events_december FOR VALUES FROM ('2025-12-01') TO ('2026-01-01')",
        'ALTER TABLE events DETACH PARTITION events_march',
      );
    };
    expect(await rotate({ ...context, onEvent })).toMatchObject({ outcome: 'complete' });
    await altering;
    expect(await client.event.count({ where: { token: { startsWith: 'old' } } })).toBe(0);
    expect(await client.event.count()).toBe(ROWS - ROWS_A_MONTH + 2);
    await execute('ALTER TABLE events DETACH PARTITION events_december', 'DROP TABLE events_december');
  });

  it('names the rows of its partitions where a leaked token still works', async () => {
    const context = await contextWith();
    const list = readLeakedList(Readable.from([Buffer.from('old 4\nold 6')]), { format: 'plain' });
    const { survivors } = await findSurvivors(context, list, undefined, { allowsOtherForm: true });
    expect(survivors.keys).toEqual(['["4", "2026-01-01T00:00:04.000001"]', '["6", "2026-03-01T00:00:06.000001"]']);
  });

  it('is refused with a partition on another server', async () => {
    await execute(
      'ALTER TABLE events DROP CONSTRAINT events_pkey', // PostgreSQL has no foreign partition of a unique index
      'CREATE FOREIGN DATA WRAPPER nowhere',
      'CREATE SERVER nowhere FOREIGN DATA WRAPPER nowhere',
      "CREATE FOREIGN TABLE events_archive PARTITION OF events FOR VALUES FROM ('2020-01-01') TO ('2021-01-01') SERVER nowhere",
    );
    await expect(rotate(await contextWith())).rejects.toThrow(
      'events_archive of events is a foreign table, whose rows cannot be rotated from here.',
    );
    await execute('DROP FOREIGN DATA WRAPPER nowhere CASCADE');
  });
});
