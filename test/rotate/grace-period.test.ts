import { Readable } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import {
  base64url,
  ConfigurationError,
  defineTargets,
  parseSettings,
  type RotationEvent,
  rotate,
  sha256,
  targetNamed,
  verifyRotation,
} from '../../src/index.ts';
import { expireGrace } from '../../src/rotate/expire-grace.ts';
import { readLeakedList } from '../../src/verify/leaked-list.ts';
import { findSurvivors } from '../../src/verify/survivors.ts';
import { oldHash, useApiKeys } from '../support/api-keys.ts';
import { useTestDatabase } from '../support/database.ts';
import { PrismaClient } from '../support/generated/prisma/client.ts';

/** More than `expireGrace` takes at a time. */
const KEYS = 2_100;

const HOUR_MS = 3_600_000;

describe('a grace period', () => {
  const { url } = useTestDatabase('America/St_Johns'); // 3:30 hours from UTC, or 2:30
  const client = useApiKeys(url, KEYS);
  const events: RotationEvent[] = [];

  const targetWith = async (grace?: { token: 'oldKey'; until: 'oldKeyUntil' | 'rotatedAt'; for: string }) => {
    const config = defineTargets(PrismaClient, {
      mine: {
        model: 'ApiKey',
        key: 'id',
        token: 'hashedKey',
        kind: sha256(base64url({ bytes: 24 })),
        touch: 'updatedAt',
        ...(grace && { grace }),
      },
    });
    return targetNamed(config, 'mine', client);
  };
  const contextWith = async (grace?: Parameters<typeof targetWith>[0]) => {
    events.length = 0;
    return {
      database: client,
      target: await targetWith(grace),
      settings: parseSettings({ name: 'test', workers: 1 }),
      signal: new AbortController().signal,
      onEvent: (event: RotationEvent) => events.push(event),
    };
  };
  const leaked = (context: Awaited<ReturnType<typeof contextWith>>) =>
    findSurvivors(context, readLeakedList(Readable.from([Buffer.from(oldHash(7))]), { format: 'plain' }), undefined, {
      allowsOtherForm: true,
    });
  const levelOf = async (context: Awaited<ReturnType<typeof contextWith>>, check: string) =>
    (await verifyRotation(context)).find((finding) => finding.check === check)?.level;

  it.each(['oldKeyUntil', 'rotatedAt'] as const)(
    'keeps old tokens until their time is over, says so, and can be ended (%s)',
    async (until) => {
      const context = await contextWith({ token: 'oldKey', until, for: '2h' });
      const startedAtMs = Date.now();
      expect(await rotate(context)).toMatchObject({ outcome: 'complete', rowsDone: KEYS });
      const rows = await client.apiKey.findMany({ orderBy: { id: 'asc' } });
      expect(rows.map(({ oldKey }) => oldKey)).toEqual(rows.map((_, index) => oldHash(index + 1)));
      expect(rows.every(({ hashedKey }) => /^[0-9a-f]{64}$/.test(hashedKey))).toBe(true);
      for (const row of rows) {
        const afterMs = (row[until]?.getTime() ?? 0) - startedAtMs;
        expect(afterMs).toBeGreaterThanOrEqual(2 * HOUR_MS - 1);
        expect(afterMs).toBeLessThan(3 * HOUR_MS);
      }
      expect(events.find(({ type }) => type === 'verified')).toMatchObject({
        findings: [
          { level: 'ok' },
          { level: 'ok', message: expect.stringContaining('is left in api_keys.hashed_key, under any key.') },
          { level: 'ok' },
          { level: 'ok' },
          {
            check: 'grace-period',
            level: 'warning',
            message: expect.stringMatching(/^2,100 old tokens in api_keys\.old_key/),
          },
        ],
      });
      expect(await leaked(context)).toMatchObject({ survivors: { keys: ['key-0007'] } });

      await client.apiKey.updateMany({ where: { id: 'key-0007' }, data: { [until]: new Date(Date.now() - 1_000) } });
      expect(await leaked(context)).toMatchObject({ survivors: { count: 0 } });
      expect(await expireGrace(context)).toBe(KEYS);
      expect(await client.apiKey.count({ where: { NOT: { oldKey: null, [until]: null } } })).toBe(0);
      expect(await levelOf(context, 'grace-period')).toBe('ok');
      expect(await expireGrace(context)).toBe(0);
    },
  );

  it('is not there unless the target has one', async () => {
    const context = await contextWith();
    await rotate(context);
    expect(await client.apiKey.count({ where: { oldKey: null } })).toBe(KEYS);
    expect((await verifyRotation(context)).map(({ check }) => check)).not.toContain('grace-period');
    await expect(expireGrace(context)).rejects.toThrow(ConfigurationError);
  });

  it.each(['', '24', '0h', '91d', '1w', '-1h', '1.5h', ' 1h', '9999999m'])('does not last %j', async (duration) => {
    await expect(targetWith({ token: 'oldKey', until: 'oldKeyUntil', for: duration })).rejects.toThrow(
      "grace: for must be minutes, hours or days, such as '30m', '24h' or '7d', up to 90 days.",
    );
  });

  it.each([
    [{ token: 'hashedKey' }, 'grace: api_keys.hashed_key must be another field of type String, as the token is.'],
    [{ token: 'digest' }, 'grace: api_keys.digest must be another field of type String, as the token is.'],
    [{ token: 'nothing' }, 'model ApiKey has no field nothing with a column.'],
    [{ until: 'start' }, 'grace: api_keys.start is a field of type String; it must be a DateTime.'],
    [{ begin: 'start' }, 'grace: '],
  ])('is refused with %j', async (change, message) => {
    const grace = { token: 'oldKey', until: 'oldKeyUntil', for: '1h', ...change } as never;
    await expect(targetWith(grace)).rejects.toThrow(message);
  });

  it.each([
    ['ALTER COLUMN old_key SET NOT NULL', 'api_keys.old_key must be nullable, or old tokens could not be removed.'],
    [
      'ALTER COLUMN old_key TYPE varchar(9)',
      'api_keys.old_key is of type character varying(9), but api_keys.hashed_key of type text.',
    ],
    ['DROP COLUMN old_key_until', 'there is no column api_keys.old_key_until.'],
  ])('stops the preflight after %s', async (change, message) => {
    await client.$executeRaw`UPDATE api_keys SET old_key = 'old'`;
    await client.$executeRawUnsafe(`ALTER TABLE api_keys ${change}`);
    await expect(rotate(await contextWith({ token: 'oldKey', until: 'oldKeyUntil', for: '1h' }))).rejects.toThrow(
      message,
    );
  });
});
