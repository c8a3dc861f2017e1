import { describe, expect, it } from '@jest/globals';
import { base64url, defineTargets, sha256, targetNamed } from '../../src/index.ts';
import { inspectTimeZone } from '../../src/preflight/time-zone.ts';
import { useApiKeys } from '../support/api-keys.ts';
import { useTestDatabase } from '../support/database.ts';
import { PrismaClient } from '../support/generated/prisma/client.ts';

describe('the preflight of the time zone', () => {
  const { url } = useTestDatabase();
  const client = useApiKeys(url, 1);
  const mine = { model: 'ApiKey', key: 'id', token: 'hashedKey', kind: sha256(base64url({ bytes: 24 })) } as const;
  const config = defineTargets(PrismaClient, {
    plain: mine,
    scoped: { ...mine, scope: { rotatedAt: { lt: new Date('2026-03-01T00:00:00Z') } } },
    'scoped without a zone': { ...mine, scope: { updatedAt: { lt: new Date('2026-03-01T00:00:00Z') } } },
    touching: { ...mine, touch: 'rotatedAt' },
    setting: { ...mine, set: () => ({ start: 'new' }) },
  });
  const inspect = async (target: keyof typeof config.targets, timeZone: string) => {
    const resolved = await targetNamed(config, target, client);
    return client.$transaction(async (transaction) => {
      await transaction.$executeRawUnsafe(`SET LOCAL timezone = '${timeZone}'`);
      return inspectTimeZone(transaction, resolved);
    });
  };

  it.each(['scoped', 'touching', 'setting'] as const)('warns where Prisma is hours off (%s)', async (target) => {
    expect(await inspect(target, 'Asia/Kathmandu')).toMatchObject({
      level: 'warning',
      message: expect.stringMatching(/^Prisma takes api_keys\.rotated_at for UTC, but TimeZone is Asia\/Kathmandu: /),
    });
  });

  it.each(['plain', 'scoped without a zone'] as const)('is ok where no such column matters (%s)', async (target) => {
    expect(await inspect(target, 'Europe/London')).toEqual({
      level: 'ok',
      message: 'no column with a time zone is compared or written (TimeZone is Europe/London).',
    });
  });

  it('is ok where the session is in UTC, whatever that is called', async () => {
    const utc = { level: 'ok', message: 'the time zone of this session is UTC, as Prisma takes it to be.' };
    for (const name of ['UTC', 'GMT', 'Africa/Abidjan']) expect(await inspect('scoped', name)).toEqual(utc);
  });
});
