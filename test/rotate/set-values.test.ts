import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import {
  base64url,
  type Config,
  ConfigurationError,
  defineTargets,
  parseSettings,
  type RotatedRow,
  rotate,
  sha256,
  type TargetOf,
  targetNamed,
  uuid,
} from '../../src/index.ts';
import { oldHash, useApiKeys } from '../support/api-keys.ts';
import { useTestDatabase } from '../support/database.ts';
import { PrismaClient } from '../support/generated/prisma/client.ts';

/** Twelve keys in batches of five. */
const KEYS = 12;

describe('a target that writes more than the token', () => {
  const { url } = useTestDatabase('Asia/Kathmandu');
  const client = useApiKeys(url, KEYS);

  type Definition = TargetOf<PrismaClient>;
  const run = (definition: Definition, settings: object = {}) =>
    rotateTarget(defineTargets(PrismaClient, { mine: definition }), settings);
  const rotateTarget = async (config: Config, settings: object = {}) =>
    rotate({
      database: client,
      target: await targetNamed(config, 'mine', client),
      settings: parseSettings({ name: 'test', batchSize: 5, workers: 1, ...settings }),
      signal: new AbortController().signal,
      onEvent: () => {},
    });
  const apiKeys = () => client.apiKey.findMany({ orderBy: { id: 'asc' } });
  const kind = sha256(base64url({ bytes: 24, prefix: 'sk_' }), { encoding: 'base64url' });
  const hashOf = (token: string) => createHash('sha256').update(token).digest('base64url');

  it('writes values of other fields together with each token, and touches those that say when', async () => {
    const handed = new Map<string, string>();
    const startedAt = new Date();
    await run({
      model: 'ApiKey',
      key: 'id',
      token: 'hashedKey',
      kind,
      set: ({ key, token }) => {
        handed.set(key, token);
        return { start: token.slice(0, 7), rotations: 1 };
      },
      touch: ['updatedAt', 'rotatedAt'],
    });
    const rows = await apiKeys();
    expect(rows).toHaveLength(KEYS);
    for (const { id, hashedKey, start, rotations, updatedAt, rotatedAt } of rows) {
      const token = handed.get(id) ?? '';
      expect([hashedKey, start, rotations]).toEqual([hashOf(token), token.slice(0, 7), 1]);
      expect(updatedAt.getTime()).toBeGreaterThanOrEqual(startedAt.getTime());
      expect(rotatedAt).toEqual(updatedAt);
    }
  });

  it('writes values of every type that Prisma has', async () => {
    const digest = Uint8Array.from([0, 255, 92]);
    const values = {
      start: 'a,"b"\\{}',
      rotations: -1,
      serial: 9_007_199_254_740_993n,
      isFresh: true,
      limits: { perDay: 5, hosts: ['a', 'b"'] },
      digest,
      rotatedAt: new Date('2026-11-27T10:00:00.123Z'),
      validFrom: new Date('2026-11-27T00:00:00Z'),
      plan: 'BASIC' as const, // which is "basic plan" in the database
    };
    await run({ model: 'ApiKey', key: 'id', token: 'hashedKey', kind, set: () => values });
    expect(await apiKeys()).toEqual(Array(KEYS).fill(expect.objectContaining(values)));
  });

  it('writes null, decimals and texts that look like null', async () => {
    await run({
      model: 'ApiKey',
      key: 'id',
      token: 'hashedKey',
      kind,
      set: ({ key }) => ({ start: 'NULL', limits: null, digest: null, serial: BigInt(key.slice(-2)) }),
    });
    const [first, ...others] = await apiKeys();
    expect(first).toMatchObject({ start: 'NULL', limits: null, digest: null, serial: 1n });
    expect(others.at(-1)?.serial).toBe(BigInt(KEYS));
  });

  it('writes them for the rows of its scope, and no other', async () => {
    await run({
      model: 'ApiKey',
      key: 'id',
      token: 'hashedKey',
      kind,
      scope: { person: { organization: { name: 'ACME' } } },
      set: ({ token }) => ({ start: token.slice(0, 7) }),
      touch: 'updatedAt',
    });
    const rows = await apiKeys();
    const untouched = rows.filter(({ start }) => start === 'old');
    expect(untouched.map(({ id }) => Number(id.slice(4)) % 3)).toEqual([0, 0, 0, 0]); // of person 3
    expect(untouched.every(({ id, hashedKey }) => hashedKey === oldHash(Number(id.slice(4))))).toBe(true);
    expect(untouched.every(({ updatedAt }) => updatedAt.getTime() === Date.UTC(2026, 0, 1))).toBe(true);
  });

  it('touches fields where the database makes the tokens, too', async () => {
    await client.$executeRaw`ALTER TABLE api_keys ALTER COLUMN hashed_key TYPE varchar(64)`;
    await run(
      { model: 'ApiKey', key: 'id', token: 'hashedKey', kind: uuid(), touch: 'updatedAt' },
      { tokens: 'database' },
    );
    expect(
      (await apiKeys()).every(({ updatedAt }) => updatedAt.getUTCFullYear() > 2026 - 1 && updatedAt.getUTCDate() > 1),
    ).toBe(true);
  });

  it.each(['app', 'database'])('hands over the old tokens where it says so (tokens: %s)', async (tokens) => {
    const handed: RotatedRow[] = [];
    await run(
      {
        model: 'ApiKey',
        key: 'id',
        token: 'hashedKey',
        kind: uuid(),
        withOldTokens: true,
        afterBatch: async (_, rows) => handed.push(...rows),
      },
      { tokens },
    );
    const rows = await apiKeys();
    expect(handed.toSorted((a, b) => (a.key < b.key ? -1 : 1))).toEqual(
      rows.map(({ id, hashedKey }) => ({ key: id, token: hashedKey, oldToken: oldHash(Number(id.slice(4))) })),
    );
  });

  it('writes them for rows that held their old token again at the end, too', async () => {
    let isRestored = false;
    const handed = new Map<string, string>();
    await run({
      model: 'ApiKey',
      key: 'id',
      token: 'hashedKey',
      kind,
      set: ({ token }) => ({ start: token.slice(0, 7) }),
      withOldTokens: true,
      afterBatch: async (transaction, rows) => {
        for (const { key, token } of rows) handed.set(key, token);
        const restored = rows.at(-1);
        if (isRestored || typeof restored?.oldToken !== 'string') return;
        isRestored = true;
        const data = { hashedKey: restored.oldToken, start: 'old' };
        await transaction.apiKey.update({ where: { id: restored.key }, data });
      },
    });
    expect(isRestored).toBe(true);
    for (const { id, hashedKey, start } of await apiKeys()) {
      const token = handed.get(id) ?? '';
      expect([hashedKey, start]).toEqual([hashOf(token), token.slice(0, 7)]);
    }
  });

  it('hands over no old token unless it says so', async () => {
    const handed: RotatedRow[] = [];
    await run({
      model: 'ApiKey',
      key: 'id',
      token: 'hashedKey',
      kind,
      afterBatch: async (_, rows) => handed.push(...rows),
    });
    expect(handed.filter((row) => 'oldToken' in row)).toEqual([]);
    expect(handed).toHaveLength(KEYS);
  });

  it.each<[string, (row: { key: string }) => object, RegExp]>([
    ['an unknown field', () => ({ begin: 'secret' }), /^set: the model has no field begin with a column\.$/],
    ['a relation', () => ({ person: {} }), /no field person with a column/],
    ['the token', () => ({ hashedKey: 'secret' }), /^set: hashedKey is the target's key or token/],
    ['the key', () => ({ id: 'secret' }), /^set: id is the target's key or token/],
    ['what is touched', () => ({ updatedAt: new Date() }), /^set: updatedAt is .* written by touch/],
    ['no value of an enum', () => ({ plan: 'secret' }), /^set: the value of plan is none of BASIC, PRO\.$/],
    ['undefined', () => ({ start: undefined }), /^set: the value of start is undefined/],
    ['a function', () => ({ start: () => 'secret' }), /^set: the value of start is function/],
    ['other fields for some rows', ({ key }) => (key.endsWith('1') ? { start: 'a' } : { serial: 1n }), /same fields/],
  ])('is refused with %s, without showing values, and changes nothing', async (_, set, message) => {
    const running = run({
      model: 'ApiKey',
      key: 'id',
      token: 'hashedKey',
      kind,
      touch: 'updatedAt',
      set: set as never,
    });
    await expect(running).rejects.toThrow(ConfigurationError);
    await expect(running).rejects.toThrow(message);
    await expect(running).rejects.not.toThrow(/secret/);
    expect((await apiKeys()).map(({ hashedKey }) => hashedKey)).toEqual(
      Array.from({ length: KEYS }, (_, index) => oldHash(index + 1)),
    );
  });

  it('is refused where the database is to make the tokens, which set could not see', async () => {
    await expect(
      run(
        { model: 'ApiKey', key: 'id', token: 'hashedKey', kind: uuid(), set: ({ token }) => ({ start: token }) },
        { tokens: 'database' },
      ),
    ).rejects.toThrow('the target has a set, which needs the new tokens in this process. Omit --tokens database.');
  });

  const mine = (definition: Definition) => defineTargets(PrismaClient, { mine: definition });

  it.each<[string, Config]>([
    [
      'field',
      // @ts-expect-error
      mine({ model: 'ApiKey', key: 'id', token: 'hashedKey', kind, set: () => ({ begin: 'a' }) }),
    ],
    [
      'type of a value',
      // @ts-expect-error
      mine({ model: 'ApiKey', key: 'id', token: 'hashedKey', kind, set: () => ({ rotations: 'a' }) }),
    ],
    [
      'field to touch',
      // @ts-expect-error
      mine({ model: 'ApiKey', key: 'id', token: 'hashedKey', kind, touch: 'start' }),
    ],
    [
      'use of old tokens',
      // @ts-expect-error
      mine({ model: 'ApiKey', key: 'id', token: 'hashedKey', kind, withOldTokens: true }),
    ],
  ])('has types that refuse a wrong %s, which is refused at run time as well', async (_, config) => {
    await expect(rotateTarget(config)).rejects.toThrow();
    expect((await apiKeys()).filter(({ hashedKey }) => !hashedKey.startsWith('old'))).toEqual([]);
  });

  it('has types that know the old token only where it is asked for', () => {
    const definitions: Definition[] = [
      {
        model: 'ApiKey',
        key: 'id',
        token: 'hashedKey',
        kind,
        withOldTokens: true,
        afterBatch: async (_, [row]) => row?.oldToken,
      },
      // @ts-expect-error
      { model: 'ApiKey', key: 'id', token: 'hashedKey', kind, afterBatch: async (_, [row]) => row?.oldToken },
    ];
    expect(definitions).toHaveLength(2);
  });
});
