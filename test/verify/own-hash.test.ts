import { createHmac, randomBytes, scryptSync } from 'node:crypto';
import { Readable } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { sql } from '../../src/database/sql.ts';
import { base64url, hashed, parseSettings, type Target, type TokenKind } from '../../src/index.ts';
import { readLeakedList } from '../../src/verify/leaked-list.ts';
import { findSurvivors } from '../../src/verify/survivors.ts';
import { useTestDatabase } from '../support/database.ts';
import { insertTickets, keysUpTo, ticketTarget } from '../support/tickets.ts';

/** Tokens as their holders have them. */
const TOKENS = base64url({ bytes: 24 }).make(30);

const mac = (token: string) => createHmac('sha256', 'pepper').update(token).digest();

const scrypt = (token: string) => {
  const salt = randomBytes(8);
  return `$scrypt$${salt.toString('hex')}$${scryptSync(token, salt, 32, { N: 2 }).toString('base64url')}`;
};

describe('a leaked list, where the project hashes tokens with a function of its own', () => {
  const { database } = useTestDatabase();
  const lookUp = async (target: Target, list: readonly string[]) =>
    findSurvivors(
      { database, target, settings: parseSettings({}), signal: new AbortController().signal, onEvent: () => {} },
      readLeakedList(Readable.from([Buffer.from(list.join('\n'))]), { format: 'plain' }),
    );
  /** Thirty tickets, whose subjects are hashes. */
  const store = async (hash: (token: string) => string, kind: TokenKind): Promise<Target> => {
    await insertTickets(database, keysUpTo(TOKENS.length));
    for (const [index, token] of TOKENS.entries()) {
      await database.ticket.update({ where: { id: index + 1 }, data: { subject: hash(token) } });
    }
    return ticketTarget({ token: 'subject', kind });
  };
  const others = base64url({ bytes: 24 }).make(5);
  const macKind = (encoding: 'hex' | 'base64url') =>
    hashed(base64url({ bytes: 24 }), { name: 'hmac', hash: async (token) => mac(token).toString(encoding) });

  it.each(['hex', 'base64url'] as const)('is found by its tokens, and by their hashes (%s)', async (encoding) => {
    const target = await store((token) => mac(token).toString(encoding), macKind(encoding));
    expect(await lookUp(target, [...others, TOKENS[6] ?? ''])).toMatchObject({
      checked: 6,
      unreadable: { count: 0 },
      survivors: { keys: ['7'] },
      column: 'known',
    });
    expect(await lookUp(target, [mac(TOKENS[6] ?? '').toString(encoding)])).toMatchObject({
      survivors: { keys: ['7'] },
    });
    expect(await lookUp(target, others)).toMatchObject({ checked: 5, survivors: { count: 0 } });
  });

  it('is found where the hashes are bytes', async () => {
    await database.$executeRaw`ALTER TABLE tickets ADD COLUMN digest bytea`;
    await insertTickets(database, keysUpTo(TOKENS.length));
    for (const [index, token] of TOKENS.entries()) {
      await database.$executeRaw`UPDATE tickets SET digest = ${mac(token)} WHERE id = ${index + 1}`;
    }
    const target = await ticketTarget({ token: 'subject', kind: macKind('hex') });
    const kind = hashed(base64url({ bytes: 24 }), { name: 'hmac', hash: mac });
    const digest = { ...target.token, name: 'digest', sql: sql`target.digest`, type: 'Bytes' };
    const bytes: Target = { ...target, token: digest, kind };
    const hash = mac(TOKENS[6] ?? '');
    for (const written of [
      TOKENS[6] ?? '',
      hash.toString('hex'),
      `\\x${hash.toString('hex')}`,
      hash.toString('base64'),
    ]) {
      expect(await lookUp(bytes, [written])).toMatchObject({ unreadable: { count: 0 }, survivors: { keys: ['7'] } });
    }
    expect(await lookUp(bytes, others)).toMatchObject({ checked: 5, survivors: { count: 0 } });
    await database.$executeRaw`ALTER TABLE tickets DROP COLUMN digest`;
  });

  it('is found by its salted hashes, and tokens in clear are not called gone, since none could be found', async () => {
    const kind = hashed(base64url({ bytes: 24 }), { name: 'scrypt', hash: scrypt, pattern: '$scrypt$%' });
    const target = await store(scrypt, kind);
    const { subject } = await database.ticket.findUniqueOrThrow({ where: { id: 7 } });
    expect(await lookUp(target, [subject])).toMatchObject({ checked: 1, survivors: { keys: ['7'] } });
    expect(await lookUp(target, [TOKENS[6] ?? ''])).toMatchObject({ checked: 0, unreadable: { count: 1 } });
  });
});
