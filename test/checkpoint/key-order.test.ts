import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { keyOrder } from '../../src/checkpoint/key-order.ts';
import { resolveTarget } from '../../src/config/resolve-target.ts';
import { uuid } from '../../src/config/token-kinds.ts';
import { arrayLiteral } from '../../src/database/array-literal.ts';
import { raw } from '../../src/database/sql.ts';
import { useTestDatabase } from '../support/database.ts';

/** Whatever the type of its key column is in the database. */
const TARGET = resolveTarget(
  { model: 'Keyed', key: 'key', token: 'token', kind: uuid() },
  {
    models: {
      Keyed: {
        fields: [
          { name: 'key', kind: 'scalar', type: 'String', dbName: 'the key' },
          { name: 'token', kind: 'scalar', type: 'String' },
        ],
      },
    },
  },
);

/** Keys as text that PostgreSQL, an array or a person could take for something else; in the order of their bytes. */
const ODD_KEYS = [
  '',
  ' ',
  '"',
  '"quoted"',
  "'",
  ',',
  '-1',
  '10',
  '9',
  'NULL',
  'Z',
  '\\',
  '\\"',
  'a',
  'a b',
  'a,b',
  'null',
  'z',
  'zwei\nZeilen',
  '{',
  '{a,b}',
  '{}',
  '}',
  'ä',
  '票',
];

describe('the order of keys', () => {
  const { database } = useTestDatabase();

  beforeAll(async () => {
    await database.$executeRaw`CREATE COLLATION german (provider = icu, locale = 'de-DE')`;
    await database.$executeRaw`
      CREATE COLLATION without_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false)`;
    await database.$executeRaw`CREATE DOMAIN whole AS bigint`;
    await database.$executeRaw`CREATE DOMAIN positive AS bigint CHECK (VALUE > 0)`;
    await database.$executeRaw`CREATE DOMAIN german_text AS text COLLATE german`;
  });

  afterEach(() => database.$executeRaw`DROP TABLE IF EXISTS "Keyed"`);

  const createTable = (keyType: string) =>
    database.$executeRaw`CREATE TABLE "Keyed" ("the key" ${raw(keyType)}, token uuid)`;

  /** These keys in the order that is found for them. */
  const inOrder = async (keys: readonly string[]): Promise<string[]> => {
    const order = await keyOrder(database, TARGET, keys);
    return [...keys].sort((a, b) => order(a) - order(b));
  };

  it.each<[string, string[]]>([
    [
      'bigint',
      [
        '-9223372036854775808',
        '-9007199254740993',
        '-9007199254740992',
        '-1',
        '0',
        '9',
        '10',
        '9007199254740992',
        '9007199254740993',
        '9223372036854775807',
      ],
    ],
    ['integer', ['-2147483648', '-10', '-9', '0', '9', '10', '2147483647']],
    ['whole', ['-9007199254740993', '-1', '9', '10', '9007199254740992', '9007199254740993']],
    ['positive', ['1', '9', '10', '9007199254740992', '9007199254740993']],
    ['text', ['10', '9']],
    ['text COLLATE "C"', ODD_KEYS],
    ['text COLLATE german', ['10', '9', 'a', 'ä', 'z', 'Z']],
    ['varchar(10) COLLATE "C"', ['10', '9', 'Z', 'a', 'z', 'ä']],
    ['varchar(10) COLLATE german', ['10', '9', 'a', 'ä', 'z', 'Z']],
    ['char(3) COLLATE "C"', ['Z', 'a', 'ab', 'b', 'ä']],
    ['german_text', ['10', '9', 'a', 'ä', 'z', 'Z']],
    [
      'uuid',
      [
        '00000000-0000-4000-8000-000000000009',
        '00000000-0000-4000-8000-00000000000a',
        '99999999-0000-4000-8000-000000000000',
        'a0000000-0000-4000-8000-000000000000',
        'ffffffff-ffff-4fff-bfff-ffffffffffff',
      ],
    ],
  ])('is that of a column of type %s', async (type, keys) => {
    await createTable(type);
    const backwards = keys.toReversed();
    await database.$executeRaw`
      INSERT INTO "Keyed" SELECT unnest(${arrayLiteral(backwards)}::text[])::${raw(type)}`;
    const stored = await database.$queryRaw<{ key: string }[]>`
      SELECT "the key"::text AS key FROM "Keyed" ORDER BY "Keyed"."the key"`;
    expect(stored.map(({ key }) => key)).toEqual(keys);
    expect(await inOrder(backwards)).toEqual(keys);
  });

  it('is that of the bytes in a column that is sorted so, whatever the keys', async () => {
    await createTable('text COLLATE "C"');
    const anything = fc.string({ unit: 'binary' }).map((text) => text.replaceAll('\0', '')); // which no text may hold
    const syntax = fc.string({ unit: fc.constantFrom(...'"\\{},\' \n-aNUL') });
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(fc.oneof(anything, syntax)), async (keys) => {
        const byBytes = keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
        expect(await inOrder(keys)).toEqual(byBytes);
      }),
    );
  });

  it.each([
    ['bigint', ['7', '07', '+7', ' 7 '], '8'],
    [
      'uuid',
      ['A0000000-0000-4000-8000-000000000000', 'a0000000000040008000000000000000'],
      'b0000000000040008000000000000000',
    ],
    ['text', ['7', '7'], '8'],
    ['text COLLATE without_case', ['a', 'A'], 'B'],
  ])('has one place for the same key of type %s, however it is written', async (type, same, next) => {
    await createTable(type);
    const order = await keyOrder(database, TARGET, [next, ...same]);
    expect(new Set(same.map(order)).size).toBe(1);
    expect(order(next)).toBeGreaterThan(order(same[0] ?? ''));
  });

  it('knows no place of a key that was not asked for', async () => {
    await createTable('bigint');
    expect((await keyOrder(database, TARGET, ['1']))('2')).toBeNaN();
    expect((await keyOrder(database, TARGET, []))('1')).toBeNaN();
  });

  it.each([
    ['bigint', 'x'],
    ['bigint', ''],
    ['bigint', '1.5'],
    ['bigint', '9223372036854775808'],
    ['integer', '2147483648'],
    ['uuid', 'a0000000-0000-4000-8000-00000000000'],
    ['whole', 'x'],
    ['positive', 'x'],
    ['positive', '-1'],
    ['text', 'a\0'],
  ])('is refused when there is a text that is no key of type %s: %j', async (type, key) => {
    await createTable(type);
    await expect(keyOrder(database, TARGET, [key])).rejects.toThrow(
      expect.objectContaining({
        name: 'ConfigurationError',
        message: 'a bound, a cursor or a row set aside in rotation_checkpoints is not a key of "Keyed"."the key".',
      }),
    );
  });

  it('does not blame the keys when something else is wrong', async () => {
    await expect(keyOrder(database, TARGET, ['1'])).rejects.toMatchObject({ name: 'PrismaClientKnownRequestError' });
  });
});
