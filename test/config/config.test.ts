import { describe, expect, it } from '@jest/globals';
import { type Config, defineTargets, parseConfig, targetNamed } from '../../src/config/config.ts';
import type { TargetOf } from '../../src/config/target-types.ts';
import { hex, uuid } from '../../src/config/token-kinds.ts';
import { PrismaClient } from '../../src/generated/prisma/client.ts';
import { useTestDatabase } from '../support/database.ts';
import { PATIENT } from '../support/patient.ts';
import { insertTickets, keysUpTo } from '../support/tickets.ts';

const TICKET = { model: 'Ticket', key: 'id', token: 'token', kind: uuid() } as const;

const NOT_A_CONFIG = 'its default export must be the result of defineTargets(…)';
const NO_CLASS = 'PrismaClient: must be the class that `prisma generate` made';

describe('a config', () => {
  it('is what defineTargets makes of the client and its targets', () => {
    const config = defineTargets(PrismaClient, { ticket: TICKET });
    expect(parseConfig(config)).toEqual({ PrismaClient, targets: { ticket: TICKET } });
  });

  it('may have targets that are not as they must be, as long as they are not chosen', () => {
    const targets = { ticket: TICKET, other: 'nonsense' };
    expect(parseConfig({ PrismaClient, targets })).toEqual({ PrismaClient, targets });
  });

  it.each<[string, unknown, string | RegExp]>([
    ['missing', undefined, NOT_A_CONFIG],
    ['null', null, NOT_A_CONFIG],
    ['a list', [TICKET], NOT_A_CONFIG],
    ['a text', 'secret', NOT_A_CONFIG],
    ['empty', {}, NO_CLASS],
    ['an instance, not a class', { PrismaClient: {}, targets: { ticket: TICKET } }, NO_CLASS],
    ['without targets', { PrismaClient }, /^targets: .*received undefined/],
    ['with a list of targets', { PrismaClient, targets: [TICKET] }, /^targets: .*expected record/],
    ['with no target', { PrismaClient, targets: {} }, 'targets: must have at least one entry'],
  ])('is refused when it is %s', (_, exported, message) => {
    const parsing = () => parseConfig(exported);
    expect(parsing).toThrow(configurationError(message));
    expect(parsing).not.toThrow(/secret/);
  });
});

describe('the target of a config', () => {
  const { database } = useTestDatabase();

  /** What is found of these targets, as a file has them that no compiler has seen. */
  const choose = (targets: Record<string, unknown>, name?: string) =>
    targetNamed({ PrismaClient, targets }, name, database);

  const TWO = { ticket: TICKET, holder: { ...TICKET, token: 'holderEmail' } };

  it('needs no name where there is only one', async () => {
    expect((await choose({ ticket: TICKET })).token.name).toBe('token');
    expect((await choose({ ticket: TICKET }, 'ticket')).token.name).toBe('token');
  });

  it('is the one of that name where there are several', async () => {
    expect((await choose(TWO, 'ticket')).token.name).toBe('token');
    expect((await choose(TWO, 'holder')).token.name).toBe('holder_email');
  });

  it('does not mind what is wrong with others', async () => {
    expect((await choose({ ...TWO, nonsense: 'nonsense' }, 'holder')).token.name).toBe('holder_email');
  });

  it('must be named where there are several', async () => {
    await expect(choose(TWO)).rejects.toThrow(configurationError('--target must be given: ticket, holder.'));
  });

  it.each([
    [TWO, 'Ticket', "there is no target 'Ticket'. The config has ticket, holder."],
    [TWO, '', "there is no target ''. The config has ticket, holder."],
    [TWO, 'constructor', "there is no target 'constructor'. The config has ticket, holder."],
    [{ ticket: TICKET }, 'tickets', "there is no target 'tickets'. The config has ticket."],
  ])('must be one of those there are: %#', async (targets, name, message) => {
    await expect(choose(targets, name)).rejects.toThrow(configurationError(message));
  });

  const NO_MODEL = 'model: must be the name of a model';
  const NO_FIELD = 'must be the name of a field';
  const NO_KIND = 'kind: must be uuid(), hex(…), base64url(…), custom(…), sha256(…) or hashed(…)';

  it.each<[string, object, string | RegExp]>([
    ['no model', { model: undefined }, NO_MODEL],
    ['a number for a model', { model: 5 }, NO_MODEL],
    ['no key', { key: undefined }, `key: ${NO_FIELD}, or a list of names`],
    ['a number among keys', { key: ['id', 5] }, `key: ${NO_FIELD}, or a list of names`],
    ['null for a token', { token: null }, `token: ${NO_FIELD}`],
    ['no kind', { kind: undefined }, NO_KIND],
    ['a text for a kind', { kind: 'secret' }, NO_KIND],
    ['a kind that is not called', { kind: uuid }, NO_KIND],
    ['half a kind', { kind: { ...uuid(), make: 'secret' } }, /kind: /],
    ['a text for a scope', { scope: 'secret' }, 'scope: must be an object'],
    ['null for a scope', { scope: null }, 'scope: must be an object'],
    ['a text for acceptWeakTokens', { acceptWeakTokens: 'secret' }, 'acceptWeakTokens: must be true or false'],
    ['a text for afterBatch', { afterBatch: 'secret' }, 'afterBatch: must be a function'],
    ['an option that there is not', { where: { subject: 'secret' } }, /"where"/],
    // What only the Prisma schema tells.
    ['an unknown model', { model: 'Tickets' }, /the Prisma schema has no model Tickets\. /],
    ['an empty scope', { scope: {} }, 'scope must be an object with a condition.'],
    ['weak tokens', { kind: hex({ bytes: 8 }) }, /tokens of kind hex\(8\) have 64 bits /],
    ['an option that is misspelled', { key: undefined, keys: 'id' }, 'unknown option "keys"'],
  ])('is refused with %s, by its name and without showing values', async (_, change, message) => {
    const choosing = () => choose({ ...TWO, ticket: { ...TICKET, ...change } }, 'ticket');
    await expect(choosing()).rejects.toThrow(configurationError(/^target 'ticket': /));
    await expect(choosing()).rejects.toThrow(
      configurationError(typeof message === 'string' ? `target 'ticket': ${message}` : message),
    );
    await expect(choosing()).rejects.not.toThrow(/secret/);
  });

  it.each([undefined, null, 'secret', ['secret']])('is refused when it is %j', async (definition) => {
    const choosing = () => choose({ ticket: definition });
    await expect(choosing()).rejects.toThrow(configurationError(/^target 'ticket': .*expected object/));
    await expect(choosing()).rejects.not.toThrow(/secret/);
  });

  it('is refused with a client that does not tell its models', async () => {
    await expect(targetNamed({ PrismaClient, targets: { ticket: TICKET } }, 'ticket', {})).rejects.toThrow(
      configurationError(/^target 'ticket': the Prisma client does not show its models\. /),
    );
  });
});

/** `npx tsc` checks this: where it would not find a mistake, it takes the directive above for one. */
describe('the types of defineTargets', () => {
  const { database } = useTestDatabase();
  const mine = (target: TargetOf<PrismaClient>) => defineTargets(PrismaClient, { mine: target });
  const choose = (config: Config) => targetNamed(config, 'mine', database);

  it('take every target that can be rotated, and every condition that a scope may have', async () => {
    const config = defineTargets(PrismaClient, {
      mine: { model: 'Ticket', key: 'id', token: 'token', kind: uuid() },
      texts: { model: 'Rotation', key: 'name', token: 'target', kind: hex({ bytes: 8 }), acceptWeakTokens: true },
      several: { model: 'RotationCheckpoint', key: ['rotation', 'partition'], token: 'claimedBy', kind: uuid() },
      nullable: {
        model: 'RotationCheckpoint',
        key: ['rotation', 'partition'],
        token: 'claimedBy',
        kind: uuid(),
        scope: {
          cursor: null,
          claimedBy: { not: null },
          lastFault: { equals: null, not: 'a', in: ['b'], notIn: ['c'] },
          completedAt: { lt: new Date(0), lte: new Date(0), gt: new Date(0), gte: new Date(0) },
          AND: [{ partition: 1 }, { totalIsEstimate: true }],
          OR: [{ rowsTotal: 1n }, { AND: { upperBound: '1' } }],
          NOT: { NOT: [{ lowerBound: { startsWith: '1' } }] },
          parent: { condemned: null },
        },
      },
    });
    const targets = await Promise.all(Object.keys(config.targets).map((name) => targetNamed(config, name, database)));
    expect(targets.map(({ token }) => token.fullName)).toEqual([
      'tickets.token',
      'rotations.target',
      'rotation_checkpoints.claimed_by',
      'rotation_checkpoints.claimed_by',
    ]);
  });

  it.each<[string, Config]>([
    [
      'model',
      // @ts-expect-error
      mine({ model: 'Tickets', key: 'id', token: 'token', kind: uuid() }),
    ],
    [
      'key',
      // @ts-expect-error
      mine({ model: 'Ticket', key: 'idd', token: 'token', kind: uuid() }),
    ],
    [
      'field among several of a key',
      // @ts-expect-error
      mine({ model: 'Ticket', key: ['id', 'idd'], token: 'token', kind: uuid() }),
    ],
    [
      'type of a key',
      // @ts-expect-error
      mine({ model: 'Ticket', key: 'createdAt', token: 'token', kind: uuid() }),
    ],
    [
      'token',
      // @ts-expect-error
      mine({ model: 'Ticket', key: 'id', token: 'tokn', kind: uuid() }),
    ],
    [
      'type of a token',
      // @ts-expect-error
      mine({ model: 'RotationCheckpoint', key: 'rotation', token: 'partition', kind: uuid() }),
    ],
    [
      'kind',
      // @ts-expect-error
      mine({ model: 'Ticket', key: 'id', token: 'token', kind: uuid }),
    ],
    [
      'option',
      // @ts-expect-error
      mine({ model: 'Ticket', key: 'id', token: 'token', kind: uuid(), where: { id: 7n } }),
    ],
    [
      'field of a scope',
      // @ts-expect-error
      mine({ model: 'Ticket', key: 'id', token: 'token', kind: uuid(), scope: { subjekt: 'VIP' } }),
    ],
    [
      'field deep in a scope',
      // @ts-expect-error
      mine({ model: 'Ticket', key: 'id', token: 'token', kind: uuid(), scope: { NOT: { subjekt: 'VIP' } } }),
    ],
    [
      'filter of a scope',
      // @ts-expect-error
      mine({ model: 'Ticket', key: 'id', token: 'token', kind: uuid(), scope: { subject: { like: 'VIP' } } }),
    ],
    [
      'list in a scope',
      // @ts-expect-error
      mine({ model: 'Ticket', key: 'id', token: 'token', kind: uuid(), scope: { subject: { in: 'VIP' } } }),
    ],
    [
      'type of a value in a scope',
      // @ts-expect-error
      mine({ model: 'Ticket', key: 'id', token: 'token', kind: uuid(), scope: { subject: 7 } }),
    ],
    [
      'null in a scope, for a field that is never null',
      // @ts-expect-error
      mine({ model: 'Ticket', key: 'id', token: 'token', kind: uuid(), scope: { subject: null } }),
    ],
  ])('refuse a wrong %s, which is refused at run time as well', async (_, config) => {
    await expect(choose(config)).rejects.toThrow(configurationError(/^target 'mine': /));
  });

  it('refuse a key that is not unique, alone or together', () => {
    const definitions: Parameters<typeof mine>[0][] = [
      // @ts-expect-error
      { model: 'Ticket', key: 'subject', token: 'token', kind: uuid() },
      // @ts-expect-error
      { model: 'RotationCheckpoint', key: 'rotation', token: 'claimedBy', kind: uuid() },
      // @ts-expect-error
      { model: 'RotationCheckpoint', key: ['rotation', 'upperBound'], token: 'claimedBy', kind: uuid() },
      { model: 'RotationCheckpoint', key: ['rotation', 'partition'], token: 'claimedBy', kind: uuid() },
    ];
    expect(definitions).toHaveLength(4);
  });

  it('know the rows and the transaction that afterBatch is given', async () => {
    const config = mine({
      model: 'Ticket',
      key: 'id',
      token: 'token',
      kind: uuid(),
      afterBatch: async (transaction, rows) => {
        const keys: bigint[] = rows.map(({ key }) => key);
        const tokens: string[] = rows.map(({ token }) => token);
        // @ts-expect-error keys are no texts
        const texts: string[] = rows.map(({ key }) => key);
        // @ts-expect-error there is no such model
        expect(transaction.tickets).toBeUndefined();
        // @ts-expect-error a transaction is not the connection
        expect(transaction.$disconnect).toBeUndefined();
        expect(texts).toEqual(keys);
        await transaction.ticket.updateMany({ where: { id: { in: keys } }, data: { subject: tokens.join() } });
      },
    });
    await insertTickets(database, keysUpTo(2));
    await database.$transaction(async (transaction) => {
      await (await choose(config)).afterBatch?.(transaction, [{ key: 2n, token: 'fresh' }]);
    }, PATIENT);
    const subjects = await database.ticket.findMany({ select: { subject: true }, orderBy: { id: 'asc' } });
    expect(subjects).toEqual([{ subject: 'Seat 1' }, { subject: 'fresh' }]);
  });
});

/** The error that says this. */
function configurationError(message: string | RegExp) {
  return expect.objectContaining({
    name: 'ConfigurationError',
    message: typeof message === 'string' ? message : expect.stringMatching(message),
  });
}
