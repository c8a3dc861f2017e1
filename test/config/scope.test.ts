import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { dataModelOf } from '../../src/config/data-model.ts';
import { type ColumnOf, describeCondition, scopeCondition } from '../../src/config/scope.ts';
import { identifier, nameForPeople, raw, sql } from '../../src/database/sql.ts';
import type { Prisma } from '../../src/generated/prisma/client.ts';
import { useTestDatabase } from '../support/database.ts';
import { PATIENT } from '../support/patient.ts';

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
  const { database } = useTestDatabase();

  /** The columns of a model, as a target has them. */
  const columnsOf = (model: string): ColumnOf => {
    const fields = dataModelOf(database).models[model]?.fields ?? [];
    return (name) => {
      const field = fields.find((each) => each.name === name);
      return field && sql`target.${identifier(field.dbName ?? field.name)}`;
    };
  };

  describe('finds the rows that Prisma finds', () => {
    it('in columns that are never null, whatever the condition', async () => {
      await database.ticket.createMany({ data: TICKETS });
      const columnOf = columnsOf('Ticket');
      await expectTheSameRows(wheres(TICKET_FIELDS), TICKETS.length, async (where) => ({
        byScope: await database.$queryRaw`
          SELECT id FROM tickets AS target WHERE ${scopeCondition(where, columnOf)} ORDER BY id`,
        byPrisma: await database.ticket.findMany({ where, select: { id: true }, orderBy: { id: 'asc' } }),
      }));
    });

    it('in columns that may be null, whatever the condition', async () => {
      await database.rotation.create({ data: { name: 'test', target: 'tickets.token', tokenColumn: 'tickets.token' } });
      await database.rotationCheckpoint.createMany({ data: CHECKPOINTS });
      const columnOf = columnsOf('RotationCheckpoint');
      await expectTheSameRows(wheres(CHECKPOINT_FIELDS), CHECKPOINTS.length, async (where) => ({
        byScope: await database.$queryRaw`
          SELECT partition FROM rotation_checkpoints AS target
          WHERE ${scopeCondition(where, columnOf)} ORDER BY partition`,
        byPrisma: await database.rotationCheckpoint.findMany({
          where,
          select: { partition: true },
          orderBy: { partition: 'asc' },
        }),
      }));
    });
  });

  it.each(['timestamp(3)', 'timestamptz(3)'])(
    'means the same moments in a column of type %s, whatever time zone the session is in',
    async (type) => {
      const found = await database.$transaction(async (transaction) => {
        await transaction.$executeRaw`CREATE TEMPORARY TABLE moments (id int, at ${raw(type)}) ON COMMIT DROP`;
        await transaction.$executeRaw`SET LOCAL TimeZone = 'UTC'`; // in which Prisma writes moments without a zone
        await transaction.$executeRaw`
          INSERT INTO moments
          VALUES (1, '2026-03-01 11:59:59.999'), (2, '2026-03-01 12:00:00.000'), (3, '2026-03-01 12:00:00.001')`;
        await transaction.$executeRaw`SET LOCAL TimeZone = 'Asia/Tokyo'`;
        const noon = new Date('2026-03-01T12:00:00Z');
        const filters = [noon, { not: noon }, { in: [noon] }, { notIn: [noon] }, { lt: noon }, { gte: noon }];
        return inTurn(filters, async (at) => {
          const rows = await transaction.$queryRaw<{ id: number }[]>`
            SELECT id FROM moments AS target
            WHERE ${scopeCondition({ at }, (name) => sql`target.${identifier(name)}`)} ORDER BY id`;
          return rows.map(({ id }) => id);
        });
      }, PATIENT);
      expect(found).toEqual([[2], [1, 3], [2], [1, 3], [1], [2, 3]]);
    },
  );

  it.each(ODD_TEXTS)('takes a text literally: %j', async (text) => {
    await database.ticket.createMany({ data: ODD_TEXTS.map((subject) => ({ subject, holderEmail: '' })) });
    const subjects = async (subject: unknown) => {
      const rows = await database.$queryRaw<{ subject: string }[]>`
        SELECT subject FROM tickets AS target WHERE ${scopeCondition({ subject }, columnsOf('Ticket'))} ORDER BY id`;
      return rows.map((row) => row.subject);
    };
    const others = ODD_TEXTS.filter((other) => other !== text);
    expect(await subjects(text)).toEqual([text]);
    expect(await subjects({ in: [text] })).toEqual([text]);
    expect(await subjects({ not: text })).toEqual(others);
    expect(await subjects({ notIn: [text] })).toEqual(others);
    expect(await subjects({ in: others })).toEqual(others);
    expect(await subjects({ notIn: others })).toEqual([text]);
  });

  const NO_CONDITION = 'must be an object with a condition.';
  const NOT_UNDERSTOOD =
    'is not supported: it must be a value or a filter of equals, not, in, notIn, lt, lte, gt, gte.';
  const NO_SUCH_FIELD = 'the model has no such field with a column.';

  it.each<[string, unknown, string]>([
    ['being undefined', undefined, `scope ${NO_CONDITION}`],
    ['being null', null, `scope ${NO_CONDITION}`],
    ['being a text', 'subject', `scope ${NO_CONDITION}`],
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
    ['an undefined OR', { subject: 'a', OR: undefined }, 'scope.OR is undefined.'],
    ['an undefined operand', { subject: { equals: undefined } }, 'scope.subject.equals is undefined.'],
    [
      'an undefined operand beside another',
      { OR: [{ subject: { not: 'a', in: undefined } }] },
      'scope.OR[0].subject.in is undefined.',
    ],
    ['undefined in a list of values', { subject: { in: [undefined] } }, `scope.subject ${NOT_UNDERSTOOD}`],
    ['null in a list of values', { subject: { in: ['a', null] } }, `scope.subject ${NOT_UNDERSTOOD}`],
    ['an unknown field', { colour: 'red' }, `scope.colour: ${NO_SUCH_FIELD}`],
    ['an unknown field in a list', { NOT: [{ id: 1 }, { colour: 'red' }] }, `scope.NOT[1].colour: ${NO_SUCH_FIELD}`],
    ['a column by its name in the database', { holder_email: 'a' }, `scope.holder_email: ${NO_SUCH_FIELD}`],
    ['an operator in lower case', { or: [{ subject: 'a' }] }, `scope.or: ${NO_SUCH_FIELD}`],
    ['an unknown operator', { subject: { contains: 'a' } }, `scope.subject ${NOT_UNDERSTOOD}`],
    [
      'an unknown operator beside another',
      { subject: { equals: 'a', mode: 'insensitive' } },
      `scope.subject ${NOT_UNDERSTOOD}`,
    ],
    [
      'a filter in a filter',
      { AND: [{ subject: { not: { equals: 'a' } } }] },
      `scope.AND[0].subject ${NOT_UNDERSTOOD}`,
    ],
    ['a list for a value', { subject: ['a'] }, `scope.subject ${NOT_UNDERSTOOD}`],
    ['a value for a list', { subject: { in: 'a' } }, `scope.subject ${NOT_UNDERSTOOD}`],
    ['null for less than', { subject: { lt: null } }, `scope.subject ${NOT_UNDERSTOOD}`],
    ['no number', { id: Number.NaN }, `scope.id ${NOT_UNDERSTOOD}`],
    ['no date', { createdAt: new Date('never') }, `scope.createdAt ${NOT_UNDERSTOOD}`],
    ['bytes', { subject: Buffer.from('a') }, `scope.subject ${NOT_UNDERSTOOD}`],
  ])('is refused for %s, saying where', (_, where, message) => {
    expect(() => scopeCondition(where, columnsOf('Ticket'))).toThrow(
      expect.objectContaining({ name: 'ConfigurationError', message }),
    );
  });
});

/** As the label of a target has it. */
function describeWhere(where: unknown): string {
  return describeCondition(scopeCondition(where, (field) => raw(nameForPeople(field))));
}

describe('the description of a scope', () => {
  it.each<[object, string]>([
    [{ subject: 'VIP' }, `subject = 'VIP'`],
    [{ id: 7 }, `id = '7'`],
    [{ id: { lt: 2n ** 53n + 1n } }, `id < '9007199254740993'`],
    [{ isPaid: true }, `"isPaid" = 'true'`],
    [{ paidAt: { gte: new Date('2026-03-01T12:00:00Z') } }, `"paidAt" >= '2026-03-01T12:00:00.000Z'`],
    [{ subject: null, email: { not: null } }, 'email IS NOT NULL AND subject IS NULL'],
    [{ subject: { in: ['VIP', 'a,b'], not: 'x' } }, `subject = ANY ('{VIP,"a,b"}') AND subject <> 'x'`],
    [{ subject: { notIn: [] } }, `subject <> ALL ('{}')`],
    [
      { NOT: [{ id: 1, subject: 'a' }, { id: 2 }], OR: [{ id: 3 }, { id: 4, subject: 'b' }] },
      `NOT (id = '1' AND subject = 'a') AND NOT (id = '2') AND (id = '3' OR id = '4' AND subject = 'b')`,
    ],
  ])('shows its values in quotes: %j', (where, description) => {
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
    const one = { email: "a' AND subject = 'b" };
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

/** A connection does one thing at a time. */
async function inTurn<Input, Output>(inputs: readonly Input[], run: (input: Input) => Promise<Output>) {
  const outputs: Output[] = [];
  for (const input of inputs) outputs.push(await run(input));
  return outputs;
}
