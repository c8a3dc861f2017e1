import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PrismaPg } from '@prisma/adapter-pg';
import * as fc from 'fast-check';
import { dataModelOf } from '../../src/config/data-model.ts';
import { resolveTarget } from '../../src/config/resolve-target.ts';
import { describeWhere, scoped } from '../../src/config/scope.ts';
import { inScope, type Target } from '../../src/config/target.ts';
import { uuid } from '../../src/config/token-kinds.ts';
import { type ClientConstructor, type Database, openDatabase, type Queryable } from '../../src/database/database.ts';
import { sql } from '../../src/database/sql.ts';
import { ConfigurationError } from '../../src/errors/errors.ts';
import { type Prisma, PrismaClient } from '../../src/generated/prisma/client.ts';
import { useTestDatabase } from '../support/database.ts';
import { PrismaClient as TestClient, type Prisma as TestPrisma } from '../support/generated/prisma/client.ts';
import { PATIENT } from '../support/patient.ts';
import { createPeople, keyOfPerson } from '../support/people.ts';

/** Texts that SQL, an array or a person could take for something else. */
const ODD_TEXTS = [
  '',
  ' ',
  'NULL',
  'null',
  "O'Brien",
  "' OR true --",
  '"quoted"',
  'a,b',
  '{a,b}',
  '{}',
  '\\',
  '\\"',
  '\\N',
  '%',
  '_',
  '$1',
  '2026-03-01T12:00:00.000Z',
  'zwei\nZeilen',
  '票 🎟️',
];

describe('a scope', () => {
  const { database, url } = useTestDatabase('Asia/Kathmandu'); // 5:45 hours from UTC

  const tickets = (where: object) => targetWith(PrismaClient, database, 'Ticket', 'id', 'token', where);

  describe('finds the rows that Prisma finds', () => {
    it('in columns that are never null, whatever the condition', async () => {
      await database.ticket.createMany({ data: TICKETS });
      await expectTheSameRows(wheres(TICKET_FIELDS), TICKETS.length, async (where) => ({
        byScope: await keysIn(database, await tickets(where)),
        byPrisma: (await database.ticket.findMany({ where, orderBy: { id: 'asc' } })).map(({ id }) => String(id)),
      }));
    });

    it('in columns that may be null, whatever the condition', async () => {
      await database.rotation.create({ data: { name: 'test', target: 'tickets.token', tokenColumn: 'tickets.token' } });
      await database.rotationCheckpoint.createMany({ data: CHECKPOINTS });
      const checkpoints = (where: object) =>
        targetWith(PrismaClient, database, 'RotationCheckpoint', 'partition', 'claimedBy', where);
      await expectTheSameRows(wheres(CHECKPOINT_FIELDS), CHECKPOINTS.length, async (where) => ({
        byScope: await keysIn(database, await checkpoints(where)),
        byPrisma: (await database.rotationCheckpoint.findMany({ where, orderBy: { partition: 'asc' } })).map(
          ({ partition }) => String(partition),
        ),
      }));
    });
  });

  describe('on everything that Prisma can ask', () => {
    const client = openDatabase(TestClient, url, { connections: 2 });
    beforeAll(() => createPeople(client));
    afterAll(() => client.$disconnect());

    it.each<[string, TestPrisma.PersonWhereInput, number[]]>([
      ['a part of a text, in any case', { name: { contains: 'A', mode: 'insensitive' } }, [1, 3]],
      ['the start of a text with a wildcard in it', { name: { startsWith: '50 %' } }, [2]],
      ['an enum with other values in the database', { plan: 'BASIC' }, [1, 3]],
      ['several of them', { plan: { notIn: ['BASIC'] } }, [2]],
      ['an element of a list', { tags: { has: 'a,b' } }, [1]],
      ['several elements of a list', { tags: { hasEvery: ['x', 'a,b'] } }, [1]],
      ['an empty list', { tags: { isEmpty: true } }, [3]],
      ['a path in Json', { settings: { path: ['mail', 'daily'], equals: true } }, [1]],
      ['a decimal', { balance: { gt: '10.49' } }, [2]],
      ['bytes', { picture: Buffer.from([0, 255]) }, [1]],
      ['a moment', { seenAt: { lt: new Date('2026-03-01T12:00:00Z') } }, [1]],
      ['a day', { bornOn: new Date('1990-05-17') }, [2]],
      ['no value', { picture: null }, [2, 3]],
      ['a row of another model', { organization: { name: 'ACME' } }, [1, 2]],
      ['no row of another model', { organization: null }, [3]],
      [
        'another model, and itself again',
        { organization: { people: { some: { name: { contains: 'ann' } } } } },
        [1, 2],
      ],
      ['some rows of another model', { visits: { some: { page: { in: ['/a', '/b'] } } } }, [1, 3]],
      ['rows of another model at all', { visits: { some: {} } }, [1, 3]],
      ['no rows of another model', { visits: { none: {} } }, [2]],
      ['every row of another model', { visits: { every: { page: '/a' } } }, [2, 3]],
      [
        'all of it',
        { NOT: { organization: { is: { name: 'ACME' } } }, visits: { some: { person: { plan: 'BASIC' } } } },
        [3],
      ],
    ])('finds the same: %s', async (_, where, numbers) => {
      const target = await targetWith(TestClient, client, 'Person', 'id', 'secret', where);
      const found = await client.$transaction(async (transaction) => {
        await transaction.$executeRaw`SET LOCAL TimeZone = 'Asia/Tokyo'`;
        return keysIn(transaction, target);
      }, PATIENT);
      expect(found).toEqual(numbers.map(keyOfPerson));
      const byPrisma = await client.person.findMany({ where, orderBy: { id: 'asc' } });
      expect(byPrisma.map(({ id }) => id)).toEqual(found);
    });
  });

  it('looks at no more rows than it is asked about', async () => {
    await database.ticket.createMany({ data: TICKETS });
    const target = await tickets({ subject: 'VIP' });
    const plan = await database.$queryRaw<{ 'QUERY PLAN': string }[]>`
      EXPLAIN SELECT FROM ${target.from}
      WHERE ${target.key.sql} <= 9 AND ${inScope(target, (key) => sql`${key} <= 9`)}`;
    const scans = plan.map((line) => line['QUERY PLAN']).filter((line) => /Cond|Filter/.test(line));
    expect(scans.filter((line) => line.includes('id <= 9')).length).toBeGreaterThanOrEqual(2);
  });

  it.each(ODD_TEXTS)('takes a text literally: %j', async (text) => {
    await database.ticket.createMany({
      data: ODD_TEXTS.map((subject, index) => ({ id: BigInt(index), subject, holderEmail: '' })),
    });
    const subjects = async (subject: object | string) =>
      (await keysIn(database, await tickets({ subject }))).map((key) => ODD_TEXTS[Number(key)]);
    const others = ODD_TEXTS.filter((other) => other !== text);
    expect(await subjects(text)).toEqual([text]);
    expect(await subjects({ in: [text] })).toEqual([text]);
    expect(await subjects({ not: text })).toEqual(others);
    expect(await subjects({ notIn: [text] })).toEqual(others);
    expect(await subjects({ in: others })).toEqual(others);
  });

  const NO_CONDITION = 'must be an object with a condition.';

  it.each<[string, unknown, string]>([
    ['being a list', [{ subject: 'a' }], `scope ${NO_CONDITION}`],
    ['being empty', {}, `scope ${NO_CONDITION}`],
    ['an empty object in AND', { AND: {} }, `scope.AND ${NO_CONDITION}`],
    ['an empty object in NOT', { subject: 'a', NOT: {} }, `scope.NOT ${NO_CONDITION}`],
    ['an empty object in a list', { OR: [{ subject: 'a' }, {}] }, `scope.OR[1] ${NO_CONDITION}`],
    ['null in a list', { AND: [null] }, `scope.AND[0] ${NO_CONDITION}`],
    ['an empty AND', { AND: [] }, 'scope.AND is empty.'],
    ['an empty OR', { OR: [] }, 'scope.OR is empty.'],
    ['an empty NOT', { subject: 'a', NOT: [] }, 'scope.NOT is empty.'],
    ['an empty filter', { subject: {} }, 'scope.subject is an empty filter.'],
    ['an undefined value', { subject: undefined }, 'scope.subject is undefined.'],
    ['an undefined value beside another', { holderEmail: 'a', subject: undefined }, 'scope.subject is undefined.'],
    ['an undefined value in a list', { OR: [{ id: 1 }, { subject: undefined }] }, 'scope.OR[1].subject is undefined.'],
    [
      'an undefined value deep down',
      { AND: { NOT: [{ OR: [{ subject: undefined }] }] } },
      'scope.AND.NOT[0].OR[0].subject is undefined.',
    ],
    ['an undefined AND', { AND: undefined }, 'scope.AND is undefined.'],
    ['an undefined operand', { subject: { equals: undefined } }, 'scope.subject.equals is undefined.'],
    ['undefined in a list of values', { subject: { in: [undefined] } }, 'scope.subject.in[0] is undefined.'],
    ['an unknown field', { colour: 'red' }, 'scope: Unknown argument `colour`.'],
    ['an unknown field in a list', { NOT: [{ id: 1 }, { colour: 'red' }] }, 'scope: Unknown argument `colour`.'],
    ['a column by its name in the database', { holder_email: 'a' }, 'scope: Unknown argument `holder_email`.'],
    ['an unknown operator', { subject: { like: 'a' } }, 'scope: Unknown argument `like`.'],
    ['a field with a typing error', { subjekt: 'a' }, 'scope: Unknown argument `subjekt`. Did you mean `subject`?'],
    ['a list for a value', { subject: ['a'] }, 'scope: Argument `subject`: Invalid value provided.'],
    ['a value for a list', { subject: { in: 'a' } }, 'scope: Argument `in`: Invalid value provided.'],
    ['a value of another type', { subject: 7 }, 'scope: Argument `subject`: Invalid value provided.'],
    ['null where there is none', { subject: null }, 'scope: Argument `subject` must not be null.'],
    ['null for less than', { subject: { lt: null } }, 'scope: Argument `lt` must not be null.'],
    ['no date', { createdAt: new Date('never') }, 'scope: Invalid value for argument `createdAt`'],
  ])('is refused for %s, saying where', async (_, where, message) => {
    await expect(tickets(where as object)).rejects.toThrow(
      expect.objectContaining({ name: 'ConfigurationError', message: expect.stringContaining(message) }),
    );
  });

  it.each<[object]>([
    [{ token: 'secret' }],
    [{ token: { equals: 'secret' } }],
    [{ token: { not: 'secret' } }],
    [{ token: { in: ['secret'] } }],
    [{ token: { notIn: ['secret'] } }],
    [{ token: { lt: 'secret' } }],
    [{ token: null }],
    [{ token: { equals: null } }],
    [{ token: { not: null, in: ['secret'] } }],
    [{ token: 5n }],
    [{ id: 7, OR: [{ token: { not: null } }, { NOT: { token: 'secret' } }] }],
  ])(
    'is refused when its scope asks more of the token than whether it is there, without showing it: %j',
    async (scope) => {
      await expect(tickets(scope)).rejects.toThrow(
        new ConfigurationError('a scope may only test whether the token is set: { token: { not: null } }.'),
      );
    },
  );

  it.each([
    ['undefined', { visits: { some: { page: undefined } } }, 'scope.visits.some.page is undefined.'],
    ['an empty filter', { organization: { name: {} } }, 'scope.organization.name is an empty filter.'],
    ['an empty condition', { organization: {} }, 'scope.organization must be an object with a condition.'],
    [
      'the token',
      { organization: { people: { some: { secret: 'a' } } } },
      'a scope may only test whether the token is set: { secret: { not: null } }.',
    ],
  ])('is refused for %s in a relation, saying where', async (_, where, message) => {
    const target = targetWith(TestClient, new TestClient({ adapter: NO_DATABASE }), 'Person', 'id', 'secret', where);
    await expect(target).rejects.toThrow(expect.objectContaining({ name: 'ConfigurationError', message }));
  });

  it.each([
    [{ seenAt: { lt: new Date(0) } }, true],
    [{ AND: { seenAt: { lte: new Date(0), gt: new Date(-1) } }, plan: 'PRO' }, true],
    [{ seenAt: { gt: new Date(0) } }, false],
    [{ OR: [{ seenAt: { lt: new Date(0) } }, { plan: 'PRO' }] }, false],
    [{ balance: { lt: 5 } }, false],
    [{ secret: { not: null } }, false],
  ])('knows whether its rows end in time: %j', async (where, endsInTime) => {
    const client = new TestClient({ adapter: NO_DATABASE });
    expect((await targetWith(TestClient, client, 'Person', 'id', 'secret', where)).scope).toMatchObject({ endsInTime });
  });

  it.each([
    [{ secret: { not: null } }, true],
    [{ AND: [{ plan: 'PRO' }, { secret: { not: null } }] }, true],
    [{ OR: [{ plan: 'PRO' }, { secret: { not: null } }] }, false],
    [{ plan: 'PRO' }, false],
  ])('knows whether its rows have a token: %j', async (where, requiresToken) => {
    const client = new TestClient({ adapter: NO_DATABASE });
    expect((await targetWith(TestClient, client, 'Person', 'id', 'secret', where)).scope).toMatchObject({
      requiresToken,
    });
  });
});

const NO_DATABASE = new PrismaPg({});

/** Rotates this field, of the rows that a `where` finds. */
function targetWith(
  Client: unknown,
  client: object,
  model: string,
  key: string,
  token: string,
  where: object,
): Promise<Target> {
  const dataModel = dataModelOf(client);
  const project = { PrismaClient: Client as ClientConstructor<Database>, dataModel, databaseSchema: 'public' };
  return scoped(resolveTarget({ model, key, token, kind: uuid() }, dataModel), where, project);
}

/** @returns the keys of a target's rows, in order */
async function keysIn(database: Queryable, target: Target): Promise<string[]> {
  const rows = await database.$queryRaw<{ key: string }[]>`
    SELECT ${target.key.sql}::text AS key FROM ${target.from} WHERE ${inScope(target)} ORDER BY ${target.key.sql}`;
  return rows.map(({ key }) => key);
}

describe('the description of a scope', () => {
  it.each<[object, string]>([
    [{ subject: 'VIP' }, '{ subject: "VIP" }'],
    [{ id: 7 }, '{ id: 7 }'],
    [{ id: { lt: 2n ** 53n + 1n } }, '{ id: { lt: 9007199254740993 } }'],
    [{ isPaid: true }, '{ isPaid: true }'],
    [{ paidAt: { gte: new Date('2026-03-01T12:00:00Z') } }, '{ paidAt: { gte: 2026-03-01T12:00:00.000Z } }'],
    [{ subject: null, email: { not: null } }, '{ email: { not: null }, subject: null }'],
    [{ subject: { in: ['VIP', 'a,b'], not: 'x' } }, '{ subject: { in: ["VIP", "a,b"], not: "x" } }'],
    [{ picture: Buffer.from([0, 255]) }, '{ picture: 0x00ff }'],
    [
      { user: { orgId: 7 }, OR: [{ id: 3 }, { visits: { some: {} } }] },
      '{ OR: [{ id: 3 }, { visits: { some: {} } }], user: { orgId: 7 } }',
    ],
  ])('shows its values: %j', (where, description) => {
    expect(describeWhere(where)).toBe(description);
  });

  it('is the same in whatever order fields and operators are written', () => {
    return fc.assert(
      fc.property(wheres(CHECKPOINT_FIELDS), (where) => {
        expect(describeWhere(backwards(where))).toBe(describeWhere(where));
      }),
    );
  });

  it('is another one for other conditions, whatever is in their values', () => {
    const two = { email: 'a', subject: 'b' };
    const one = { email: 'a", subject: "b' };
    expect(describeWhere(one)).not.toBe(describeWhere(two));
  });
});

/** The same with the fields of each object in the other order; lists stay as they are. */
function backwards(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(backwards);
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  const entries = Object.entries(value).map(([name, each]) => [name, backwards(each)]);
  return Object.fromEntries(entries.reverse());
}

const RUNS = 300;

/** Has both look for the same conditions; most of them have to be such that some rows are found, and some not. */
async function expectTheSameRows(
  conditions: fc.Arbitrary<object>,
  rows: number,
  find: (where: object) => Promise<{ byScope: unknown; byPrisma: unknown[] }>,
): Promise<void> {
  let telling = 0;
  await fc.assert(
    fc.asyncProperty(conditions, async (where) => {
      const { byScope, byPrisma } = await find(where);
      expect(byScope).toEqual(byPrisma);
      if (byPrisma.length > 0 && byPrisma.length < rows) telling += 1;
    }),
    { numRuns: RUNS },
  );
  expect(telling).toBeGreaterThan(RUNS / 4);
}

/** Conditions on these fields, within AND, OR and NOT up to so many levels deep. */
function wheres(fields: Record<string, fc.Arbitrary<unknown>>, depth = 3): fc.Arbitrary<object> {
  if (depth === 0) return someOf(fields);
  const one = wheres(fields, depth - 1);
  const list = fc.array(one, { minLength: 1, maxLength: 3 });
  return someOf({ ...fields, AND: fc.oneof(one, list), OR: list, NOT: fc.oneof(one, list) });
}

/** One of these values, or a filter with one or two operators. @param values some stored, some not; perhaps null */
function comparisonsWith(values: readonly unknown[]): fc.Arbitrary<unknown> {
  const asked = fc.constantFrom(...values);
  const present = fc.constantFrom(...values.filter((value) => value !== null));
  const list = fc.array(present, { maxLength: 3 });
  const ordered = { lt: present, lte: present, gt: present, gte: present };
  return fc.oneof(asked, someOf({ equals: asked, not: asked, in: list, notIn: list, ...ordered }));
}

/** Objects with one or two of these fields. */
function someOf(fields: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<object> {
  const entries = Object.entries(fields).map(([name, values]) => fc.tuple(fc.constant(name), values));
  return fc
    .uniqueArray(fc.oneof(...entries), { selector: ([name]) => name, minLength: 1, maxLength: 2 })
    .map((chosen) => Object.fromEntries(chosen));
}

const MOMENTS = ['2026-03-01T00:00:00.000Z', '2026-03-01T00:00:00.001Z', '2026-03-01T09:00:00.000Z'].map(
  (moment) => new Date(moment),
);
const SUBJECTS = ["O'Brien", 'a,b', 'NULL', 'VIP', ''];
const EMAILS = ['a@example.com', 'B@example.com', 'ä@example.com', '{}'];

/** Every combination of subject, e-mail address and moment; half of the keys are such that no double holds them. */
const TICKETS: Prisma.TicketCreateManyInput[] = combinations(SUBJECTS, EMAILS, MOMENTS).map(
  ([subject, holderEmail, createdAt], index) => ({
    id: index % 2 === 0 ? BigInt(index) : 2n ** 53n + BigInt(index),
    subject,
    holderEmail,
    createdAt,
  }),
);

const TICKET_FIELDS = {
  id: comparisonsWith([-1, 0, 14, 28n, 40n, 2n ** 53n + 28n, 2n ** 53n + 29n]),
  subject: comparisonsWith([...SUBJECTS, 'null']),
  holderEmail: comparisonsWith([...EMAILS, 'b@example.com']),
  createdAt: comparisonsWith([...MOMENTS, new Date('2026-03-01T08:00:00Z')]),
};

const CURSORS = [null, 'a', "B'", 'NULL', '{,}'];
const FAULTS = [null, '23514', '55P03'];
const COMPLETIONS = [null, ...MOMENTS];

/** Every combination of what may be null in them. */
const CHECKPOINTS: Prisma.RotationCheckpointCreateManyInput[] = combinations(CURSORS, FAULTS, COMPLETIONS).map(
  ([cursor, lastFault, completedAt], partition) => ({
    rotation: 'test',
    partition,
    upperBound: '1',
    rowsTotal: 1,
    totalIsEstimate: partition % 2 === 0,
    cursor,
    lastFault,
    completedAt,
  }),
);

const CHECKPOINT_FIELDS = {
  cursor: comparisonsWith([...CURSORS, 'b']),
  lastFault: comparisonsWith([...FAULTS, '']),
  completedAt: comparisonsWith([...COMPLETIONS, new Date('2026-03-01T08:00:00Z')]),
  partition: comparisonsWith([0, 7, 30, 59, 60]),
  totalIsEstimate: fc.oneof(fc.boolean(), someOf({ equals: fc.boolean(), not: fc.boolean() })),
};

function combinations<A, B, C>(as: readonly A[], bs: readonly B[], cs: readonly C[]): [A, B, C][] {
  return as.flatMap((a) => bs.flatMap((b) => cs.map((c): [A, B, C] => [a, b, c])));
}
