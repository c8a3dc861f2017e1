import { afterAll, afterEach, beforeEach } from '@jest/globals';
import { openDatabase } from '../../src/index.ts';
import { PrismaClient } from './generated/prisma/client.ts';
import { createPeople, dropPeople, keyOfPerson } from './people.ts';

/** The old hash of an API key. */
export const oldHash = (number: number) => `old hash ${number}`;

/** API keys `key-0001`, …: in turn of persons 1, 2 and 3. Needs the people. */
async function createApiKeys(client: PrismaClient, count: number): Promise<void> {
  await client.$executeRaw`
    CREATE TABLE api_keys (
      id text PRIMARY KEY, hashed_key text NOT NULL UNIQUE, start varchar(16) NOT NULL, rotations int NOT NULL DEFAULT 0,
      serial bigint, is_fresh boolean NOT NULL DEFAULT false, limits jsonb, price decimal(10, 2), digest bytea, plan plan,
      old_key text, old_key_until timestamp(3),
      rotated_at timestamptz(3), valid_from date, updated_at timestamp(3) NOT NULL, person_id uuid NOT NULL REFERENCES people
    )`;
  await client.apiKey.createMany({
    data: Array.from({ length: count }, (_, index) => ({
      id: `key-${String(index + 1).padStart(4, '0')}`,
      hashedKey: oldHash(index + 1),
      start: 'old',
      updatedAt: new Date('2026-01-01T00:00:00Z'),
      personId: keyOfPerson(1 + (index % 3)),
    })),
  });
}

/** People with so many API keys, anew for each test. @returns a client for them */
export function useApiKeys(url: string, count: number): PrismaClient {
  const client = openDatabase(PrismaClient, url, { connections: 3 });
  beforeEach(async () => {
    await createPeople(client);
    await createApiKeys(client, count);
  });
  afterEach(async () => {
    await client.$executeRaw`DROP TABLE api_keys`;
    await dropPeople(client);
  });
  afterAll(() => client.$disconnect());
  return client;
}
