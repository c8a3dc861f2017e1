import { describe, expect, it } from '@jest/globals';
import type { Target } from '../../src/config/target.ts';
import { tokensFor } from '../../src/config/tokens.ts';
import { base64url, parseSettings, rotate, uuid } from '../../src/index.ts';
import { tokenByKey } from '../../src/rotate/given-tokens.ts';
import { useTestDatabase } from '../support/database.ts';
import { insertTickets, keysUpTo, TICKETS, ticketTarget, tokensByKey } from '../support/tickets.ts';

describe('the token of a row by its key', () => {
  const { database } = useTestDatabase();
  const tokenIn = async (after: string | null, upTo: string, target: Target = TICKETS) =>
    tokenByKey(target, { after, upTo }, 10, await tokensFor({ tokens: 'app' }, target, 10));

  it('is one of its own for each whole number of a range with few gaps', async () => {
    for (const [after, upTo] of [
      ['0', '10'],
      ['-15', '5'],
      ['9007199254740993', '9007199254741013'],
    ]) {
      const token = await tokenIn(after ?? '', upTo ?? '');
      if (token === null) throw new Error('there is none');
      const tokens = await database.$queryRaw<{ token: string }[]>`
        SELECT ${token}::text AS token
        FROM generate_series(${after}::text::bigint + 1, ${upTo}::text::bigint) AS target (id)`;
      expect(new Set(tokens.map((row) => row.token)).size).toBe(Number(BigInt(upTo ?? '') - BigInt(after ?? '')));
      for (const row of tokens) expect(row.token).toMatch(/^.{14}4.{4}[89ab]/);
    }
  });

  it('is null where gaps are wide, or where the first key is unknown', async () => {
    expect(await tokenIn('0', '21')).toBeNull();
    expect(await tokenIn(null, '10')).toBeNull();
  });

  it('is null for a key that is no whole number, and for tokens that are no UUIDs', async () => {
    expect(await tokenIn('0', '10', await ticketTarget({ key: 'subject' }))).toBeNull();
    expect(await tokenIn('0', '10', await ticketTarget({ kind: base64url({ bytes: 24 }) }))).toBeNull();
  });

  it.each<[string, number[]]>([
    ['without gaps', keysUpTo(100)],
    ['with a few', keysUpTo(150).filter((key) => key % 3 !== 0)],
    ['with many', keysUpTo(100).map((key) => 7 * key)],
    [
      'some of them',
      [...keysUpTo(40), ...keysUpTo(40).map((key) => 1_000 + 50 * key), ...keysUpTo(20).map((key) => 9_000 + key)],
    ],
    ['below zero', keysUpTo(100).map((key) => key - 60)],
  ])('leaves no row without a fresh one, and no two with the same, of keys %s', async (_, keys) => {
    await insertTickets(database, keys);
    const before = await tokensByKey(database);
    const settings = parseSettings({ name: 'test', batchSize: 10 });
    const signal = new AbortController().signal;
    await rotate({ database, target: await ticketTarget({ kind: uuid() }), settings, signal, onEvent: () => {} });
    const now = await tokensByKey(database);
    expect(new Set([...before.values(), ...now.values()]).size).toBe(2 * keys.length);
  });
});
