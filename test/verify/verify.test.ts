import { afterEach, describe, expect, it } from '@jest/globals';
import { openTicketDatabase, type TicketDatabase } from '../../scripts/support/ticket-database.ts';
import {
  ConfigurationError,
  type Finding,
  NotVerifiedError,
  parseSettings,
  type RotationContext,
  type RotationEvent,
  RowsNotRotatedError,
  rotate,
  verifyRotation,
} from '../../src/index.ts';
import { assertVisible } from '../../src/preflight/preflight.ts';
import { findUniqueness, shapeFinding } from '../../src/verify/shape.ts';
import { rotationState } from '../../src/verify/verify.ts';
import { useTestDatabase } from '../support/database.ts';
import { PATIENT } from '../support/patient.ts';
import { planTickets } from '../support/rotations.ts';
import { insertTickets, keysUpTo, TICKETS, tokensByKey } from '../support/tickets.ts';

/** Version 1, as some other generator would make it. */
const FOREIGN = '6fa459ea-ee8a-11ca-894e-db77e160355e';

describe('verifying a rotation', () => {
  const { database, url } = useTestDatabase();
  const contextOf = (context: Partial<RotationContext> = {}): RotationContext => ({
    database,
    target: TICKETS,
    settings: parseSettings({ name: 'test', batchSize: 10, workers: 1, maxRetryTimeMs: 0, keepCondemned: true }),
    signal: new AbortController().signal,
    onEvent: () => {},
    ...context,
  });
  const verify = (context?: Partial<RotationContext>) => verifyRotation(contextOf(context));

  /** What a check has found after a rotation of 95 tickets and whatever was done then. */
  const findAfter = async (check: string, change: () => Promise<unknown>): Promise<Finding | undefined> => {
    await insertTickets(database, keysUpTo(95));
    await rotate(contextOf());
    await change();
    const findings = await verify();
    expect(JSON.stringify(findings)).not.toContain(FOREIGN);
    return findings.find((finding) => finding.check === check);
  };

  afterEach(async () => {
    await database.$executeRaw`DROP FUNCTION IF EXISTS refuse_ticket CASCADE`;
    await database.$executeRaw`TRUNCATE tickets`;
    await database.$executeRaw`DROP INDEX IF EXISTS tickets_token_key`;
    await database.$executeRaw`CREATE UNIQUE INDEX tickets_token_key ON tickets (token)`;
    await database.$executeRaw`ALTER TABLE tickets ALTER token SET NOT NULL`;
  });

  it('finds nothing wrong after a complete one, and tells what it looked at', async () => {
    await insertTickets(database, keysUpTo(95));
    await rotate(contextOf());
    expect(await verify()).toEqual([
      {
        check: 'coverage',
        level: 'ok',
        message: 'One partition covers all keys up to 95 without gap or overlap, and all are complete.',
      },
      {
        check: 'condemned-tokens',
        level: 'ok',
        message: 'None of the 95 tokens that were valid when the rotation began is left in tickets, under any key.',
      },
      { check: 'rows', level: 'ok', message: '95 rows rotated, 95 rows exist now up to key 95.' },
      {
        check: 'shape',
        level: 'ok',
        message: 'All 95 tokens up to key 95 are version 4 UUIDs; unique index tickets_token_key rules out duplicates.',
      },
    ]);
  });

  it.each(['app', 'database'])('knows the tokens that --tokens %s makes', async (tokens) => {
    await insertTickets(database, keysUpTo(500));
    const settings = parseSettings({ name: 'test', tokens, keepCondemned: true });
    await rotate(contextOf({ settings }));
    expect((await verify()).map(({ level }) => level)).toEqual(['ok', 'ok', 'ok', 'ok']);
  });

  it('changes nothing, and needs no right to', async () => {
    await insertTickets(database, keysUpTo(95));
    await rotate(contextOf());
    const tokens = await tokensByKey(database);
    const readOnlyUrl = new URL(url);
    readOnlyUrl.searchParams.set('options', '-c default_transaction_read_only=on');
    const readOnly = openTicketDatabase(readOnlyUrl.href);
    expect(await verify({ database: readOnly })).toMatchObject([
      { level: 'ok' },
      { level: 'ok' },
      { level: 'ok' },
      { level: 'ok' },
    ]);
    await readOnly.$disconnect();
    expect(await tokensByKey(database)).toEqual(tokens);
  });

  it('reads tables of several pages to the end, also with negative keys and gaps', async () => {
    await database.$executeRaw`
      INSERT INTO tickets (id, token, subject, holder_email)
      SELECT 1000 * n - 60000000, gen_random_uuid(), 'seat', 'holder' FROM generate_series(1, 120000) AS n`;
    await rotate(contextOf({ settings: parseSettings({ name: 'test', keepCondemned: true }) }));
    await database.$executeRaw`UPDATE tickets SET token = ${FOREIGN}::uuid WHERE id = (SELECT max(id) FROM tickets)`;
    expect(await verify()).toMatchObject([
      { level: 'ok', message: expect.stringContaining('6 partitions cover all keys up to 60000000') },
      { level: 'ok', message: expect.stringContaining('120,000 tokens') },
      { level: 'ok', message: '120,000 rows rotated, 120,000 rows exist now up to key 60000000.' },
      { level: 'stop', message: expect.stringContaining('1 token of another kind') },
    ]);
  });

  describe('stops', () => {
    it('when it is not complete, naming the partitions that are open and how far they are', async () => {
      await insertTickets(database, keysUpTo(45_000));
      const controller = new AbortController();
      const onEvent = ({ type }: RotationEvent) => {
        if (type === 'started') controller.abort();
      };
      await rotate(contextOf({ signal: controller.signal, onEvent }));
      const [first] = await database.rotationCheckpoint.findMany({ orderBy: { partition: 'asc' } });
      const [coverage, ...others] = await verify();
      expect(coverage).toMatchObject({
        check: 'coverage',
        level: 'stop',
        message: expect.stringMatching(
          /^The rotation is not complete: 3 of 3 partitions are open: partition 0 .*, partition 2 has not begun \(it ends at 45000\)\.$/,
        ),
        advice: 'Run it again: it continues where it stopped.',
      });
      const place = first?.cursor ? `is at key ${first.cursor}` : 'has not begun';
      expect(coverage?.message).toContain(`partition 0 ${place} (it ends at ${first?.upperBound})`);
      expect(others).toEqual([]);
    });

    it('when rows were set aside, naming them', async () => {
      await insertTickets(database, keysUpTo(95));
      await database.$executeRaw`
        CREATE FUNCTION refuse_ticket() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN RAISE EXCEPTION ''%'', OLD.token USING ERRCODE = ''23514''; END'`;
      await database.$executeRaw`
        CREATE TRIGGER refuse_ticket BEFORE UPDATE ON tickets
        FOR EACH ROW WHEN (OLD.id IN (7, 42)) EXECUTE FUNCTION refuse_ticket()`;
      await expect(rotate(contextOf())).rejects.toThrow(RowsNotRotatedError);
      expect(await verify()).toMatchObject([
        {
          level: 'stop',
          message:
            'The rotation is not complete: 2 rows set aside, with the leaked token still in place, by key: 7 (23514), 42 (23514).',
        },
      ]);
    });

    it('when checkpoints were edited or deleted', async () => {
      const coverage = await findAfter(
        'coverage',
        () => database.$executeRaw`UPDATE rotation_checkpoints SET lower_bound = '3'`,
      );
      expect(coverage).toEqual({
        check: 'coverage',
        level: 'stop',
        message: 'rotation_checkpoints cannot be trusted: partition 0 begins at 3, not at the first key.',
        advice: 'Restore its rows from a backup, or rotate everything again (--again, with another --name).',
      });
    });

    it('when it was a rotation of another table', async () => {
      await insertTickets(database, keysUpTo(95));
      await rotate(contextOf());
      await database.$executeRaw`UPDATE rotations SET target = 'users.token by id'`;
      await expect(verify()).rejects.toThrow(ConfigurationError);
      await expect(verify()).rejects.toThrow(
        "rotation 'test' was started for users.token by id, not for tickets.token",
      );
    });

    it('when this user does not see every row', async () => {
      await insertTickets(database, keysUpTo(95));
      await rotate(contextOf());
      const verifying = database.$transaction(async (transaction) => {
        await transaction.$executeRaw`ALTER TABLE tickets ENABLE ROW LEVEL SECURITY`;
        await transaction.$executeRaw`GRANT SELECT ON tickets, rotations, rotation_checkpoints, condemned_tokens TO pg_monitor`;
        await transaction.$executeRaw`SET LOCAL ROLE pg_monitor`;
        await assertVisible(contextOf({ database: transaction as unknown as TicketDatabase }));
      }, PATIENT);
      await expect(verifying).rejects.toThrow(
        'nothing was verified: row-level security applies to this user on tickets',
      );
    });

    it('when tokens are of another kind, counting them', async () => {
      const shape = await findAfter('shape', async () => {
        await database.$executeRaw`UPDATE tickets SET token = ${FOREIGN}::uuid WHERE id = 17`;
        // Version 4, but of another variant.
        await database.$executeRaw`UPDATE tickets SET token = '6fa459ea-ee8a-4aca-c94e-db77e160355e' WHERE id = 18`;
      });
      expect(shape).toMatchObject({
        level: 'stop',
        message: 'Up to key 95, 2 tokens of another kind than version 4 UUIDs.',
      });
    });

    it('when tokens are missing, or on several rows', async () => {
      const shape = await findAfter('shape', async () => {
        await database.$executeRaw`ALTER TABLE tickets ALTER token DROP NOT NULL`;
        await database.$executeRaw`DROP INDEX tickets_token_key`;
        await database.$executeRaw`UPDATE tickets SET token = NULL WHERE id <= 3`;
        await database.$executeRaw`UPDATE tickets SET token = (SELECT token FROM tickets WHERE id = 10) WHERE id = 11`;
      });
      expect(shape).toMatchObject({
        level: 'stop',
        message: 'Up to key 95, 3 rows without a token, and 1 token on more than one row.',
      });
    });
  });

  it('tells how many rows have been deleted since', async () => {
    const rows = await findAfter('rows', () => database.ticket.deleteMany({ where: { id: { lte: 5 } } }));
    expect(rows).toEqual({
      check: 'rows',
      level: 'ok',
      message: '95 rows rotated, 90 rows exist now up to key 95: 5 rows deleted since.',
    });
  });

  it('looks at the tokens of rows that have come since, where the rotation had been', async () => {
    const rows = await findAfter('rows', () => insertTickets(database, [-1, 0]));
    expect(rows).toEqual({
      check: 'rows',
      level: 'ok',
      message:
        '95 rows rotated, 97 rows exist now up to key 95: of the other 2 rows, 2 hold a token written since the start, 0 a condemned one.',
    });
  });

  it('warns of such rows where no token was condemned', async () => {
    await insertTickets(database, keysUpTo(95));
    await rotate(contextOf({ settings: parseSettings({ name: 'test', condemn: false }) }));
    await insertTickets(database, [-1, 0]);
    expect(await verify()).toMatchObject([
      { check: 'coverage', level: 'ok' },
      { check: 'condemned-tokens', level: 'warning' },
      { check: 'rows', level: 'warning', advice: expect.stringContaining('leaked if the rows come from a backup') },
      { check: 'shape', level: 'ok' },
    ]);
  });

  it('does not call condemned tokens gone whose hashes were removed, and says when they were looked for', async () => {
    await insertTickets(database, keysUpTo(95));
    await rotate(contextOf({ settings: parseSettings({ name: 'test' }) }));
    expect(await database.condemnedTokens.count()).toBe(0);
    const [, condemned] = await verify();
    expect(condemned).toMatchObject({ check: 'condemned-tokens', level: 'warning' });
  });

  it('is not conclusive when hashes of condemned tokens are missing', async () => {
    await insertTickets(database, keysUpTo(95));
    await rotate(contextOf());
    await database.$executeRaw`UPDATE rotations SET verified_at = NULL`;
    await database.$executeRaw`DELETE FROM condemned_tokens WHERE bucket = 0`;
    await expect(rotate(contextOf())).rejects.toThrow(NotVerifiedError);
  });

  it('has nothing to say about rows above the watermark, whatever their tokens', async () => {
    await insertTickets(database, keysUpTo(95));
    await rotate(contextOf());
    await insertTickets(database, [96, 97]);
    await database.$executeRaw`UPDATE tickets SET token = ${FOREIGN}::uuid WHERE id = 96`;
    expect((await verify()).map(({ level }) => level)).toEqual(['ok', 'ok', 'ok', 'ok']);
  });

  it.each([
    ['there is no unique index', 'DROP INDEX tickets_token_key'],
    [
      'the unique index leaves rows out',
      'DROP INDEX tickets_token_key; CREATE UNIQUE INDEX tickets_token_key ON tickets (token) WHERE id > 9',
    ],
    [
      'the unique index has another column in it',
      'DROP INDEX tickets_token_key; CREATE UNIQUE INDEX tickets_token_key ON tickets (token, subject)',
    ],
  ])('compares all tokens when %s', async (_, statements) => {
    const shape = await findAfter('shape', async () => {
      for (const statement of statements.split('; ')) await database.$executeRawUnsafe(statement);
    });
    expect(shape).toMatchObject({
      level: 'ok',
      message: 'All 95 tokens up to key 95 are version 4 UUIDs; no two are equal.',
    });
  });

  it('compares all tokens when the unique index was never finished', async () => {
    const shape = await findAfter('shape', async () => {
      await database.$executeRaw`DROP INDEX tickets_token_key`;
      const fresh = await tokensByKey(database);
      await database.$executeRaw`UPDATE tickets SET token = ${fresh.get(10n)}::uuid WHERE id = 11`;
      const building = database.$executeRaw`CREATE UNIQUE INDEX CONCURRENTLY tickets_token_key ON tickets (token)`;
      await building.catch(() => {}); // it leaves an invalid one behind
      await database.$executeRaw`UPDATE tickets SET token = ${fresh.get(11n)}::uuid WHERE id = 11`;
    });
    expect(shape).toMatchObject({ level: 'ok', message: expect.stringContaining('no two are equal.') });
  });

  it('warns when there are too many tokens to compare, and no unique index', async () => {
    await database.$executeRaw`DROP INDEX tickets_token_key`;
    const scan = { watermark: '9', rows: 3_000_000, nulls: 0, foreign: 0 };
    const uniqueness = await findUniqueness(contextOf(), scan);
    expect(uniqueness).toEqual({ index: null, duplicates: null });
    expect(shapeFinding(TICKETS, scan, uniqueness)).toMatchObject({
      level: 'warning',
      advice: expect.stringContaining('UNIQUE'),
    });
  });

  it('wonders where all rows are gone', async () => {
    await insertTickets(database, keysUpTo(95));
    await rotate(contextOf());
    await database.$executeRaw`DELETE FROM tickets`;
    expect((await verify()).map(({ level }) => level)).toEqual(['ok', 'ok', 'warning', 'ok']);
  });

  it('is done again by the next run where it has failed, until it passes', async () => {
    await insertTickets(database, keysUpTo(95));
    await rotate(contextOf());
    await database.$executeRaw`UPDATE rotations SET verified_at = NULL`;
    await database.$executeRaw`UPDATE tickets SET token = ${FOREIGN}::uuid WHERE id = 17`;
    await expect(rotate(contextOf())).rejects.toThrow(NotVerifiedError);
    await expect(rotate(contextOf())).rejects.toThrow(NotVerifiedError);
    await database.$executeRaw`UPDATE tickets SET token = gen_random_uuid() WHERE id = 17`;
    expect(await rotate(contextOf())).toMatchObject({ outcome: 'complete', alreadyComplete: true });
    await database.$executeRaw`UPDATE tickets SET token = ${FOREIGN}::uuid WHERE id = 17`;
    expect(await rotate(contextOf())).toMatchObject({ outcome: 'complete', alreadyComplete: true }); // not its business any more
  });

  it('ends with an AbortError when it is aborted', async () => {
    await insertTickets(database, keysUpTo(95));
    await rotate(contextOf());
    const verifying = verify({ signal: AbortSignal.abort() });
    await expect(verifying).rejects.toThrow(expect.objectContaining({ name: 'AbortError' }));
  });

  it('is refused when no such rotation is recorded, naming those that are', async () => {
    await expect(verify()).rejects.toThrow(ConfigurationError);
    await expect(verify()).rejects.toThrow("no rotation 'test' is recorded in this database, nor any other.");
    await insertTickets(database, keysUpTo(30));
    for (const name of ['march', 'april']) await rotate(contextOf({ settings: parseSettings({ name, again: true }) }));
    await expect(verify()).rejects.toThrow("no rotation 'test' is recorded in this database, only 'april', 'march'.");
  });

  it('tells how far the rotation is', async () => {
    await insertTickets(database, keysUpTo(30));
    expect(await rotationState(contextOf())).toBe('unrecorded');
    await planTickets(database);
    expect(await rotationState(contextOf())).toBe('incomplete');
    await rotate(contextOf());
    expect(await rotationState(contextOf())).toBe('complete');
  });
});
