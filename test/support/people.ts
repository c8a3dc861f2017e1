import type { PrismaClient } from './generated/prisma/client.ts';

/** Of the persons that `createPeople` makes: 1, 2 and 3. */
export const keyOfPerson = (number: number) => `00000000-0000-4000-8000-00000000000${number}`;

/** Three people: of all that a `where` can be about, each has something else. */
export async function createPeople(client: PrismaClient): Promise<void> {
  const statements = [
    "CREATE TYPE plan AS ENUM ('basic plan', 'pro')",
    'CREATE TABLE organizations (id int PRIMARY KEY, name text NOT NULL)',
    `CREATE TABLE people (
      id uuid PRIMARY KEY, secret text UNIQUE, name varchar(64) NOT NULL, plan plan NOT NULL, tags text[], settings jsonb,
      balance decimal(10, 2) NOT NULL, picture bytea, seen_at timestamp(3) NOT NULL, born_on date,
      organization_id int REFERENCES organizations
    )`,
    'CREATE TABLE visits (id int PRIMARY KEY, page text NOT NULL, person_id uuid NOT NULL REFERENCES people)',
  ];
  for (const statement of statements) await client.$executeRawUnsafe(statement);
  await client.organization.create({ data: { id: 1, name: 'ACME' } });
  const person = { plan: 'BASIC' as const, balance: 1, seenAt: new Date('2026-03-01T12:00:00.000Z') };
  await client.person.createMany({
    data: [
      {
        ...person,
        id: keyOfPerson(1),
        name: 'Joanna',
        tags: ['x', 'a,b'],
        settings: { mail: { daily: true } },
        picture: Buffer.from([0, 255]),
        seenAt: new Date('2026-03-01T11:59:59.999Z'),
        organizationId: 1,
      },
      {
        ...person,
        id: keyOfPerson(2),
        name: '50 % off',
        plan: 'PRO',
        tags: ['x'],
        settings: { mail: { daily: false } },
        balance: '10.50',
        bornOn: new Date('1990-05-17'),
        organizationId: 1,
      },
      { ...person, id: keyOfPerson(3), name: 'Anton', tags: [] },
    ],
  });
  await client.visit.createMany({
    data: [
      { id: 1, page: '/a', personId: keyOfPerson(1) },
      { id: 2, page: '/c', personId: keyOfPerson(1) },
      { id: 3, page: '/a', personId: keyOfPerson(3) },
    ],
  });
}

export async function dropPeople(client: PrismaClient): Promise<void> {
  await client.$executeRaw`DROP TABLE visits, people, organizations`;
  await client.$executeRaw`DROP TYPE plan`;
}
