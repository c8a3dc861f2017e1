import { describe, expect, it } from '@jest/globals';
import type { DataModel } from '../../src/config/data-model.ts';
import { sha256 } from '../../src/config/hashed-kinds.ts';
import { keyForPrisma } from '../../src/config/key.ts';
import { resolveTarget } from '../../src/config/resolve-target.ts';
import type { Target, TargetDefinition } from '../../src/config/target.ts';
import { base64url, custom, hex, type TokenKind, uuid } from '../../src/config/token-kinds.ts';
import { raw } from '../../src/database/sql.ts';
import { useTestDatabase } from '../support/database.ts';

/** As a generated client carries it. */
const SHOP: DataModel = {
  models: {
    Ticket: {
      dbName: 'tickets',
      fields: [
        { name: 'id', kind: 'scalar', type: 'BigInt' },
        { name: 'number', kind: 'scalar', type: 'Int' },
        { name: 'code', kind: 'scalar', type: 'String' },
        { name: 'token', kind: 'scalar', type: 'String' },
        { name: 'tokenHash', kind: 'scalar', type: 'Bytes', dbName: 'token_hash' },
        { name: 'holderEmail', kind: 'scalar', type: 'String', dbName: 'holder_email' },
        { name: 'state', kind: 'enum', type: 'State' },
        { name: 'plan', kind: 'enum', type: 'Plan' },
        { name: 'createdAt', kind: 'scalar', type: 'DateTime', dbName: 'created_at' },
        { name: 'price', kind: 'scalar', type: 'Decimal' },
        { name: 'holder', kind: 'object', type: 'user' },
      ],
    },
    user: {
      dbName: null,
      schema: null,
      fields: [
        { name: 'order', kind: 'scalar', type: 'Int', dbName: null },
        { name: 'table', kind: 'scalar', type: 'String', dbName: null },
      ],
    },
    Session: {
      dbName: 'Sessions',
      schema: 'shop',
      fields: [
        { name: 'id', kind: 'scalar', type: 'String', dbName: 'sessionId' },
        { name: 'token', kind: 'scalar', type: 'String' },
      ],
    },
    Odd: {
      dbName: 'say "hi"',
      schema: 'a.b',
      fields: [
        { name: 'id', kind: 'scalar', type: 'Int', dbName: '"id"' },
        { name: 'token', kind: 'scalar', type: 'String', dbName: "it's" },
      ],
    },
  },
};

const ADD_KEY = 'If the table has no other key, add one: an autoincrement() field.';
const DIFFERENT = 'key: must be the name of a field, or a list of different ones.';
const FIELDS = 'id, number, code, token, tokenHash, holderEmail, state, plan, createdAt, price';

/** The tickets' target, with something changed. */
function ticketTarget(change: Partial<TargetDefinition> = {}): Target {
  return resolveTarget({ model: 'Ticket', key: 'id', token: 'token', kind: uuid(), ...change }, SHOP);
}

describe('a target', () => {
  const { database } = useTestDatabase();

  it('has the names of the database for statements, and those of the schema for Prisma', () => {
    expect(ticketTarget({ token: 'holderEmail' })).toMatchObject({
      bareName: 'tickets',
      key: { columns: [{ name: 'id', field: 'id', type: 'BigInt' }] },
      token: { name: 'holder_email', field: 'holderEmail', type: 'String' },
    });
  });

  it.each([
    {
      names: { model: 'Ticket', key: 'id', token: 'holderEmail' },
      table: [],
      expected: { tableName: 'tickets', relation: '"public"."tickets"', bareName: 'tickets' },
      key: 'tickets.id',
      token: 'tickets.holder_email',
    },
    {
      names: { model: 'user', key: 'order', token: 'table' },
      table: ['CREATE TABLE "user" ("order" int, "table" text)'],
      expected: { tableName: '"user"', relation: '"public"."user"', bareName: 'user' },
      key: '"user"."order"',
      token: '"user"."table"',
    },
    {
      names: { model: 'Session', key: 'id', token: 'token' },
      table: ['CREATE SCHEMA shop', 'CREATE TABLE shop."Sessions" ("sessionId" text, token text)'],
      expected: {
        tableName: 'shop."Sessions"',
        relation: '"shop"."Sessions"',
        bareName: 'Sessions',
      },
      key: 'shop."Sessions"."sessionId"',
      token: 'shop."Sessions".token',
    },
    {
      names: { model: 'Odd', key: 'id', token: 'token' },
      table: ['CREATE SCHEMA "a.b"', `CREATE TABLE "a.b"."say ""hi""" ("""id""" int, "it's" text)`],
      expected: {
        tableName: '"a.b"."say ""hi"""',
        relation: '"a.b"."say ""hi"""',
        bareName: 'say "hi"',
      },
      key: '"a.b"."say ""hi"""."""id"""',
      token: `"a.b"."say ""hi"""."it's"`,
    },
  ])('is found by PostgreSQL, and quoted for people where it must be: $key', async (situation) => {
    const target = resolveTarget({ ...situation.names, kind: uuid() }, SHOP);
    expect(target).toMatchObject(situation.expected);
    expect([target.key.fullName, target.token.fullName]).toEqual([situation.key, situation.token]);
    for (const statement of situation.table) await database.$executeRaw(raw(statement));
    const found = await database.$queryRaw`
      SELECT relname AS name, (SELECT count(*)::int FROM ${target.table}) AS rows FROM pg_class
      WHERE oid = ${target.relation}::regclass AND oid = ${target.tableName}::regclass`;
    expect(found).toEqual([{ name: SHOP.models[situation.names.model]?.dbName ?? situation.names.model, rows: 0 }]);
    expect(await database.$queryRaw`SELECT ${target.key.sql}, ${target.token.sql} FROM ${target.from}`).toEqual([]);
  });

  it('keeps its kind and its own work', () => {
    const [kind, afterBatch] = [hex({ bytes: 16 }), async () => {}];
    expect(ticketTarget({ kind, afterBatch })).toMatchObject({ kind, afterBatch });
    expect(ticketTarget().afterBatch).toBeNull();
  });

  it('has all rows in scope', () => {
    expect(ticketTarget().scope).toBeNull();
  });

  it.each<[Partial<TargetDefinition>, RegExp]>([
    [{}, /^tickets\.token\b(?!.* (as|where) )/],
    [{ kind: hex({ bytes: 16 }) }, /^tickets\.token\b.* as hex\(16\)$/],
    [{ token: 'tokenHash', kind: sha256(uuid()) }, /^tickets\.token_hash\b.* as sha256\(uuid\)$/],
    [{ kind: own(128) }, /^tickets\.token\b.* as custom\(own\)$/],
    [{ kind: base64url({ bytes: 24, prefix: 'tk_' }) }, /^tickets\.token\b.* as tk_ \+ base64url\(24\)$/],
  ])('is recorded with its token, its kind, unless that is uuid: %#', (change, label) => {
    expect(ticketTarget(change).label).toMatch(label);
  });

  it('is recorded with names as people write them', () => {
    const session = { model: 'Session', key: 'id', token: 'token', kind: uuid() };
    expect(resolveTarget(session, SHOP).label).toMatch(/^shop\."Sessions"\.token by "sessionId"$/);
  });

  it.each<[string, Partial<TargetDefinition>]>([
    ['another token', { token: 'code' }],
    ['another key, in whose order a cursor would mean other rows', { key: 'number' }],
    ['another kind', { kind: base64url({ bytes: 16 }) }],
    ['longer tokens', { kind: hex({ bytes: 17 }) }],
    ['a prefix', { kind: hex({ bytes: 16, prefix: 'tk_' }) }],
    ['hashes', { kind: sha256(hex({ bytes: 16 })) }],
  ])('is recorded as another one when it has %s, so that none resumes the rotation of another', (_, change) => {
    const target = { kind: hex({ bytes: 16 }) };
    expect(ticketTarget({ ...target, ...change }).label).not.toBe(ticketTarget(target).label);
  });

  const HAS_FIELDS = `It has ${FIELDS}.`;
  const NO_KEY = 'a key must be Int, BigInt, String.';
  const NO_TOKEN = 'a token must be a String, or a hash in Bytes.';

  it.each<[string, Partial<TargetDefinition>, string]>([
    [
      'an unknown model',
      { model: 'Tickets' },
      'the Prisma schema has no model Tickets. It has Ticket, user, Session, Odd.',
    ],
    [
      'a table for a model',
      { model: 'tickets' },
      'the Prisma schema has no model tickets. It has Ticket, user, Session, Odd.',
    ],
    [
      'a model that every object has',
      { model: 'constructor' },
      'the Prisma schema has no model constructor. It has Ticket, user, Session, Odd.',
    ],
    ['an unknown key', { key: 'nr' }, `model Ticket has no field nr with a column. ${HAS_FIELDS}`],
    ['an unknown token', { token: 'nr' }, `model Ticket has no field nr with a column. ${HAS_FIELDS}`],
    [
      'a key that every object has',
      { key: 'constructor' },
      `model Ticket has no field constructor with a column. ${HAS_FIELDS}`,
    ],
    [
      'a column for a field',
      { token: 'token_hash' },
      `model Ticket has no field token_hash with a column. ${HAS_FIELDS}`,
    ],
    ['a relation for a key', { key: 'holder' }, `model Ticket has no field holder with a column. ${HAS_FIELDS}`],
    ['a relation for a token', { token: 'holder' }, `model Ticket has no field holder with a column. ${HAS_FIELDS}`],
    ['a moment for a key', { key: 'createdAt' }, `tickets.created_at is a field of type DateTime; ${NO_KEY}`],
    ['a decimal number for a key', { key: 'price' }, `tickets.price is a field of type Decimal; ${NO_KEY}`],
    ['an enum for a key', { key: 'state' }, `tickets.state is a field of type State; ${NO_KEY}`],
    ['bytes for a key', { key: 'tokenHash' }, `tickets.token_hash is a field of type Bytes; ${NO_KEY}`],
    [
      'a key that is the token',
      { key: 'code', token: 'code' },
      `tickets.code cannot be both key and token. ${ADD_KEY}`,
    ],
    [
      'a key that has the token in it',
      { key: ['id', 'code'], token: 'code' },
      `tickets.code cannot be both key and token. ${ADD_KEY}`,
    ],
    ['the same field twice in the key', { key: ['id', 'id'] }, DIFFERENT],
    ['no field in the key', { key: [] }, DIFFERENT],
    ['a number for a token', { token: 'number' }, `tickets.number is a field of type Int; ${NO_TOKEN}`],
    ['an enum for a token', { token: 'state' }, `tickets.state is a field of type State; ${NO_TOKEN}`],
    [
      'a hash for a number',
      { token: 'number', kind: sha256(uuid()) },
      `tickets.number is a field of type Int; ${NO_TOKEN}`,
    ],
    [
      'bytes for a token that is not hashed',
      { token: 'tokenHash', kind: hex({ bytes: 32 }) },
      `tickets.token_hash is a field of type Bytes; ${NO_TOKEN}`,
    ],
  ])('is refused with %s', (_, change, message) => {
    expect(() => ticketTarget(change)).toThrow(configurationError(message));
  });

  it.each<[TokenKind, boolean]>([
    [uuid(), true],
    [own(122), true],
    [own(121.9), false],
    [hex({ bytes: 16 }), true],
    [hex({ bytes: 15 }), false],
    [hex({ bytes: 15, prefix: 'tk_live_' }), false],
    [base64url({ bytes: 15 }), false],
    [sha256(hex({ bytes: 15 })), false],
  ])('needs tokens of 122 bits at least, unless it insists on weaker ones: %#', (kind, isStrong) => {
    if (!isStrong) {
      const message = `tokens of kind ${kind.name} have ${kind.bits} bits that cannot be guessed, fewer than the 122 of a UUID. Make them longer, or accept this with acceptWeakTokens: true.`;
      expect(() => ticketTarget({ kind })).toThrow(configurationError(message));
      expect(() => ticketTarget({ kind, acceptWeakTokens: false })).toThrow(configurationError(message));
    }
    expect(ticketTarget({ kind, acceptWeakTokens: true }).kind).toBe(kind);
  });
});

describe('a key', () => {
  it.each([
    ['number', '-2147483648', -2_147_483_648],
    ['id', '9007199254740993', 9_007_199_254_740_993n],
    ['id', '7', 7n],
    ['code', '007', '007'],
    ['code', '', ''],
  ])('is as Prisma has it: %s %j', (key, text, value) => {
    expect(keyForPrisma(ticketTarget({ key }).key, text)).toBe(value);
  });

  it('is an object where it has several fields', () => {
    const { key, label } = ticketTarget({ key: ['number', 'code', 'id'] });
    expect(keyForPrisma(key, '["7", "a,\\"b", "9007199254740993"]')).toEqual({
      number: 7,
      code: 'a,"b',
      id: 9_007_199_254_740_993n,
    });
    expect([key.fullName, label]).toEqual(['tickets.(number, code, id)', 'tickets.token by number, code, id']);
  });

  it.each(['', '7', '["7"]', '["7","a","1","b"]', '["7","a",1]', '{"0":"7","1":"a","2":"1"}', '["7","a"'])(
    'is refused where it has not as many parts as the target: %j',
    (text) => {
      expect(() => keyForPrisma(ticketTarget({ key: ['number', 'code', 'id'] }).key, text)).toThrow(
        configurationError(
          'a bound, a cursor or a row set aside in rotation_checkpoints is not a key of tickets.(number, code, id).',
        ),
      );
    },
  );
});

/** Tokens of a function, of which so many bits cannot be guessed. */
function own(bits: number): TokenKind {
  return custom({ name: 'own', bits, make: () => 'token' });
}

/** The error that says exactly this. */
function configurationError(message: string) {
  return expect.objectContaining({ name: 'ConfigurationError', message });
}
