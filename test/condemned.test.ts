import { afterEach, describe, expect, it } from '@jest/globals';
import { ConfigurationError, NotVerifiedError, parseSettings, type RotationEvent, rotate } from '../src/index.ts';
import { rehearse } from '../src/rotate/dry-run.ts';
import { useTestDatabase } from './support/database.ts';
import { PATIENT } from './support/patient.ts';
import { ticketContext } from './support/rotations.ts';
import {
  changesPerTicket,
  insertTickets,
  keysUpTo,
  recordTokenChanges,
  ticketTarget,
  tokensByKey,
} from './support/tickets.ts';
import { until } from './support/until.ts';

const ROWS = 300;

describe('a leaked token', () => {
  const { database } = useTestDatabase();
  const events: RotationEvent[] = [];

  /** Copies the tokens that are there now, as whoever leaked them has, then rotates. */
  const run = (settings: object = {}) => {
    events.length = 0;
    const context = { settings: settingsOf(settings), onEvent: (event: RotationEvent) => void events.push(event) };
    return rotate(ticketContext(database, context));
  };
  const settingsOf = (settings: object) =>
    parseSettings({ name: 'test', batchSize: 50, workers: 1, maxRetryTimeMs: 1_000, ...settings });
  const leak = async () => {
    await insertTickets(database, keysUpTo(ROWS));
    await database.$executeRaw`CREATE TABLE leaked AS SELECT id, token, subject, holder_email FROM tickets`;
  };
  /** How many of the leaked tokens are still valid. */
  const stillValid = async () => {
    const [row] = await database.$queryRaw<{ tokens: number }[]>`
      SELECT count(*)::int AS tokens FROM tickets JOIN leaked USING (token)`;
    return row?.tokens;
  };
  /** Rotates all rows but the last 50, and is stopped there. */
  const runAlmostAll = async (settings: object = {}) => {
    const stop = new AbortController();
    let batches = 0;
    const onEvent = ({ type }: RotationEvent) => {
      if (type === 'batch') batches += 1;
      if (batches === ROWS / 50 - 1) stop.abort();
    };
    const context = { settings: settingsOf(settings), signal: stop.signal, onEvent };
    expect(await rotate(ticketContext(database, context))).toMatchObject({ outcome: 'interrupted' });
  };
  const findingOf = (check: string) =>
    events
      .findLast((event) => event.type === 'verified')
      ?.findings.find((finding: { check: string }) => finding.check === check);
  const trigger = (when: string, body: string, kind = 'TRIGGER') =>
    database.$transaction([
      database.$executeRawUnsafe(`
        CREATE FUNCTION interfere() RETURNS trigger LANGUAGE plpgsql AS $body$ BEGIN ${body} END $body$`),
      database.$executeRawUnsafe(`CREATE ${kind} interfere ${when} FOR EACH ROW EXECUTE FUNCTION interfere()`),
    ]);

  afterEach(async () => {
    await database.$executeRaw`DROP FUNCTION IF EXISTS interfere CASCADE`;
    await database.$executeRaw`DROP TABLE IF EXISTS leaked`;
  });

  describe('that a trigger keeps', () => {
    it.each(['app', 'database'])(
      'in every row ends the run at the first batch, naming it (tokens: %s)',
      async (tokens) => {
        await leak();
        await trigger('BEFORE UPDATE ON tickets', 'NEW.token := OLD.token; RETURN NEW;');
        await expect(run({ tokens })).rejects.toThrow(ConfigurationError);
        await expect(run({ tokens })).rejects.toThrow('interfere');
        expect(await stillValid()).toBe(ROWS);
        expect(events.filter(({ type }) => type === 'batch')).toEqual([]);
      },
    );

    it.each(['app', 'database'])('by skipping every update does so, too (tokens: %s)', async (tokens) => {
      await leak();
      await trigger('BEFORE UPDATE ON tickets', 'RETURN NULL;');
      await expect(run({ tokens })).rejects.toThrow('interfere');
    });

    it.each(['app', 'database'])('is found where no token was condemned, too (tokens: %s)', async (tokens) => {
      await leak();
      await trigger('BEFORE UPDATE ON tickets', 'NEW.token := OLD.token; RETURN NEW;');
      await expect(run({ tokens, condemn: false })).rejects.toThrow('interfere');
    });

    it.each([
      [
        'puts back',
        'BEFORE UPDATE ON tickets',
        'IF OLD.id % 100 = 0 THEN NEW.token := OLD.token; END IF; RETURN NEW;',
        'TRIGGER',
      ],
      ['skips', 'BEFORE UPDATE ON tickets', 'IF OLD.id % 100 = 0 THEN RETURN NULL; END IF; RETURN NEW;', 'TRIGGER'],
      [
        'writes back after the update',
        'AFTER UPDATE ON tickets',
        'IF OLD.id % 100 = 0 AND pg_trigger_depth() = 1 THEN UPDATE tickets SET token = OLD.token WHERE id = OLD.id; END IF; RETURN NULL;',
        'TRIGGER',
      ],
      [
        'writes back at commit',
        'AFTER UPDATE ON tickets DEFERRABLE INITIALLY DEFERRED',
        'IF OLD.id % 100 = 0 AND pg_trigger_depth() = 1 THEN UPDATE tickets SET token = OLD.token WHERE id = OLD.id; END IF; RETURN NULL;',
        'CONSTRAINT TRIGGER',
      ],
    ])('in some rows, which it %s, has them set aside and told by key', async (_, when, body, kind) => {
      await leak();
      await trigger(when, body, kind);
      await expect(run()).rejects.toMatchObject({
        rows: [
          { key: '100', fault: 'NOT_TAKEN' },
          { key: '200', fault: 'NOT_TAKEN' },
          { key: '300', fault: 'NOT_TAKEN' },
        ],
      });
      expect(await stillValid()).toBe(3);
      await database.$executeRaw`DROP FUNCTION interfere CASCADE`;
      expect(await run()).toMatchObject({ outcome: 'complete' });
      expect(await stillValid()).toBe(0);
    });

    it('by a trigger that comes when all batches are done, ends with its key and the trigger', async () => {
      await leak();
      await runAlmostAll();
      await database.$executeRaw`
        UPDATE tickets SET token = leaked.token FROM leaked WHERE leaked.id = tickets.id AND tickets.id = 7`;
      await trigger('BEFORE UPDATE ON tickets', 'IF OLD.id = 7 THEN NEW.token := OLD.token; END IF; RETURN NEW;');
      await expect(run()).rejects.toThrow(NotVerifiedError);
      expect(findingOf('condemned-tokens')).toMatchObject({
        level: 'stop',
        message: expect.stringContaining('7 (NOT_TAKEN)'),
        advice: expect.stringContaining('interfere'),
      });
    });
  });

  it.each([
    [
      'is written back from a cache',
      () =>
        database.$executeRaw`UPDATE tickets SET token = leaked.token FROM leaked WHERE leaked.id = tickets.id AND tickets.id <= 100`,
    ],
    [
      'is on rows that were moved above the watermark',
      () =>
        database.$executeRaw`UPDATE tickets SET id = tickets.id + 10000, token = leaked.token FROM leaked WHERE leaked.id = tickets.id AND tickets.id <= 100`,
    ],
    [
      'is on rows that were deleted and inserted again',
      () =>
        database.$transaction([
          database.$executeRaw`DELETE FROM tickets WHERE id <= 100`,
          database.$executeRaw`INSERT INTO tickets (id, token, subject, holder_email) SELECT id - 5000, token, subject, holder_email FROM leaked WHERE id <= 100`,
        ]),
    ],
    [
      'comes back with all of the table, from a backup',
      () =>
        database.$transaction([
          database.$executeRaw`TRUNCATE tickets`,
          database.$executeRaw`INSERT INTO tickets (id, token, subject, holder_email) SELECT id, token, subject, holder_email FROM leaked`,
        ]),
    ],
    [
      'comes with another table that takes the name of this one',
      () =>
        database.$transaction([
          database.$executeRaw`CREATE TABLE tickets_copy (LIKE tickets INCLUDING ALL)`,
          database.$executeRaw`INSERT INTO tickets_copy (id, token, subject, holder_email) SELECT id, token, subject, holder_email FROM leaked`,
          database.$executeRaw`ALTER TABLE tickets RENAME TO tickets_old`,
          database.$executeRaw`ALTER TABLE tickets_copy RENAME TO tickets`,
          database.$executeRaw`DROP TABLE tickets_old CASCADE`,
        ]),
    ],
  ])('that %s is replaced in the last pass', async (_, bringBack) => {
    await leak();
    await runAlmostAll();
    await bringBack();
    expect(await run()).toMatchObject({ outcome: 'complete' });
    expect(await stillValid()).toBe(0);
    expect(findingOf('condemned-tokens')).toMatchObject({ level: 'ok' });
  });

  describe('of a transaction that was open when the rotation began', () => {
    /** Inserts rows in a transaction that commits when told to, and waits for it. */
    async function insertUncommitted(use: (commit: () => void) => Promise<void>): Promise<void> {
      const { used } = await database.$transaction(async (transaction) => {
        await transaction.$executeRaw`
          INSERT INTO tickets (id, token, subject, holder_email)
          SELECT -n, gen_random_uuid(), 'seat', 'holder' FROM generate_series(1, 50) AS n`;
        await transaction.$executeRaw`SAVEPOINT later`;
        await transaction.$executeRaw`
          INSERT INTO tickets (id, token, subject, holder_email)
          SELECT 90000 + n, gen_random_uuid(), 'seat', 'holder' FROM generate_series(1, 50) AS n`;
        await transaction.$executeRaw`INSERT INTO leaked SELECT id, token, subject, holder_email FROM tickets WHERE id < 0 OR id > 90000`;
        return new Promise<{ used: Promise<void> }>((resolve, reject) => {
          const used = use(() => resolve({ used }));
          used.catch(reject);
        });
      }, PATIENT);
      await used;
    }

    it('is replaced as soon as that commits, under whatever key', async () => {
      await leak();
      await insertUncommitted(async (commit) => {
        const running = run({ maxRetryTimeMs: 30_000 });
        await until(() => events.some(({ type }) => type === 'openTransactions'));
        commit();
        expect(await running).toMatchObject({ outcome: 'complete' });
      });
      expect(await stillValid()).toBe(0);
      expect(await database.ticket.count()).toBe(ROWS + 100);
    });

    it('is not called gone as long as that may still commit', async () => {
      await leak();
      await insertUncommitted(async (commit) => {
        await expect(run({ maxRetryTimeMs: 300 })).rejects.toThrow(NotVerifiedError);
        commit();
      });
      expect(await stillValid()).toBe(100);
      expect(await run()).toMatchObject({ outcome: 'complete' });
      expect(await stillValid()).toBe(0);
    });

    it('does not count when it began later', async () => {
      await leak();
      await runAlmostAll();
      await insertUncommitted(async (commit) => {
        expect(await run({ maxRetryTimeMs: 0 })).toMatchObject({ outcome: 'complete' });
        commit();
      });
    });
  });

  describe('in rows that the partitions leave out', () => {
    it.each([
      ['a cursor was moved forward', () => database.$executeRaw`UPDATE rotation_checkpoints SET cursor = '290'`],
      [
        'a partition was marked complete',
        () => database.$executeRaw`UPDATE rotation_checkpoints SET cursor = upper_bound, completed_at = now()`,
      ],
    ])('because %s by hand is replaced all the same', async (_, tamper) => {
      await leak();
      await runAlmostAll();
      await database.$executeRaw`UPDATE tickets SET token = leaked.token FROM leaked WHERE leaked.id = tickets.id AND tickets.id > 200`;
      await tamper();
      expect(await run()).toMatchObject({ outcome: 'complete' });
      expect(await stillValid()).toBe(0);
    });

    it('because the last partition was deleted ends the run before the first write', async () => {
      await insertTickets(database, keysUpTo(45_000));
      const stop = new AbortController();
      await rotate(
        ticketContext(database, { signal: stop.signal, onEvent: ({ type }) => type === 'batch' && stop.abort() }),
      );
      await database.$executeRaw`DELETE FROM rotation_checkpoints WHERE partition = (SELECT max(partition) FROM rotation_checkpoints)`;
      await expect(run()).rejects.toThrow(ConfigurationError);
    });
  });

  it('on a row outside the scope is reported, and not changed', async () => {
    await leak();
    const target = await ticketTarget({ scope: { subject: { not: 'returned' } } });
    const stop = new AbortController();
    const onEvent = ({ type }: RotationEvent) => type === 'batch' && stop.abort();
    const settings = settingsOf({});
    await rotate(ticketContext(database, { target, settings, signal: stop.signal, onEvent }));
    await database.$executeRaw`UPDATE tickets SET subject = 'returned' WHERE id > 290`;
    await expect(
      rotate(ticketContext(database, { target, settings, onEvent: (event) => void events.push(event) })),
    ).rejects.toThrow(NotVerifiedError);
    expect(findingOf('condemned-tokens')).toMatchObject({
      level: 'stop',
      message: expect.stringMatching(/^10 rows outside the scope .*291/),
    });
    expect(await stillValid()).toBe(10);
  });

  it('that something writes back again and again is reported, by key, when that does not end', async () => {
    await leak();
    // As if it came right after each batch; that of the second pass counts its rows in the rotation.
    await database.$executeRaw`
      CREATE FUNCTION bring_back() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        UPDATE tickets SET token = leaked.token FROM leaked WHERE leaked.id = tickets.id AND tickets.id = 7;
        RETURN NULL;
      END $$`;
    for (const table of ['rotations', 'rotation_checkpoints']) {
      await database.$executeRawUnsafe(
        `CREATE TRIGGER bring_back AFTER UPDATE ON ${table} EXECUTE FUNCTION bring_back()`,
      );
    }
    events.length = 0;
    const onEvent = (event: RotationEvent) => void events.push(event);
    await expect(rotate(ticketContext(database, { settings: settingsOf({}), onEvent }))).rejects.toThrow(
      NotVerifiedError,
    );
    await database.$executeRaw`DROP FUNCTION bring_back CASCADE`;
    expect(findingOf('condemned-tokens')).toMatchObject({
      level: 'stop',
      message: expect.stringContaining('by key: 7'),
    });
  });

  describe('two rotations of one column', () => {
    it('are refused while one is open, whatever their target, and nothing is changed', async () => {
      await leak();
      await runAlmostAll();
      const scoped = await ticketTarget({ scope: { subject: 'x' } });
      await expect(run({ name: 'other' })).rejects.toThrow("rotation 'test' of tickets.token is not complete");
      await expect(
        rotate(ticketContext(database, { target: scoped, settings: settingsOf({ name: 'third' }) })),
      ).rejects.toThrow(ConfigurationError);
      expect(await database.rotation.findMany({ select: { name: true } })).toEqual([{ name: 'test' }]);
      expect(await run()).toMatchObject({ outcome: 'complete' });
    });

    it('are refused when one has completed, naming it and when, unless that is asked for', async () => {
      await leak();
      await run();
      const done = await tokensByKey(database);
      const completedOn = new Date().toISOString().slice(0, 10);
      await expect(run({ name: 'other' })).rejects.toThrow(
        `rotation 'test' of tickets.token was completed at ${completedOn}`,
      );
      await expect(rehearse(ticketContext(database, { settings: settingsOf({ name: 'other' }) }))).rejects.toThrow(
        '--again',
      );
      expect(await tokensByKey(database)).toEqual(done);
      expect(await database.rotation.count()).toBe(1);
      expect(await run({ name: 'other', again: true })).toMatchObject({ outcome: 'complete', rowsDone: ROWS });
      expect(await run({ name: 'other' })).toMatchObject({ outcome: 'complete', alreadyComplete: true });
    });

    it('that begin at the same moment are run one at a time', async () => {
      await leak();
      await recordTokenChanges(database);
      const ends = await Promise.allSettled(['a', 'b', 'c'].map((name) => run({ name, again: true })));
      const refused = ends.filter((end) => end.status === 'rejected');
      for (const { reason } of refused) expect(reason).toBeInstanceOf(ConfigurationError);
      const complete = ends.length - refused.length;
      expect(complete).toBeGreaterThan(0);
      expect(await changesPerTicket(database)).toEqual({ [complete]: ROWS });
    });
  });

  it('is condemned once, by one of several processes that begin at the same moment', async () => {
    await insertTickets(database, keysUpTo(60_000));
    const settings = parseSettings({ name: 'test', keepCondemned: true });
    // One that finds nothing left to claim is told so.
    const ends = await Promise.allSettled([1, 2, 3].map(() => rotate(ticketContext(database, { settings }))));
    expect(ends).toContainEqual({ status: 'fulfilled', value: expect.objectContaining({ outcome: 'complete' }) });
    const [hashes] = await database.$queryRaw<object[]>`
      SELECT sum(cardinality(hashes))::int AS hashes, min(bucket) >= 0 AS "areSorted" FROM condemned_tokens`;
    expect(hashes).toEqual({ hashes: 60_000, areSorted: true });
  });

  it('is condemned anew when the process that did it has died on the way', async () => {
    await leak();
    const stop = new AbortController();
    const onEvent = ({ type }: RotationEvent) => type === 'condemning' && stop.abort();
    expect(await rotate(ticketContext(database, { settings: settingsOf({}), signal: stop.signal, onEvent }))).toEqual({
      outcome: 'interrupted',
      counts: null,
    });
    expect(await database.condemnedTokens.count()).toBe(0);
    expect(await run({ keepCondemned: true })).toMatchObject({ outcome: 'complete' });
    expect(await stillValid()).toBe(0);
  });
});
