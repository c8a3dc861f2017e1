import { describe, expect, it } from '@jest/globals';
import { hashed, sha256 } from '../../src/config/hashed-kinds.ts';
import { custom, hex, type TokenKind, uuid } from '../../src/config/token-kinds.ts';
import { listedTokens, tokenMaker, tokensFor } from '../../src/config/tokens.ts';
import { TICKETS } from '../support/tickets.ts';

const ticketsOf = (kind: TokenKind) => ({ ...TICKETS, kind });

describe('the tokens for a batch', () => {
  it('are handed out as they are stored', async () => {
    const { fresh, stored } = await listedTokens(ticketsOf(hex({ bytes: 16 })), 3);
    expect(fresh).toHaveLength(3);
    expect(stored).toEqual(fresh);
  });

  it('are handed out, and their hashes stored, where nothing else is to be stored', async () => {
    const kind = sha256(custom({ name: 'own', bits: 128, make: () => 'abc' }));
    const hash = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'; // FIPS 180-2, appendix B.1
    expect(await listedTokens(ticketsOf(kind), 1)).toEqual({ fresh: ['abc'], stored: [hash] });
  });

  it('are packed where they are UUIDs to be stored as they are', async () => {
    const tokens = await tokensFor({ tokens: 'app' }, TICKETS, 1_000);
    if (typeof tokens === 'string' || !('pack' in tokens)) throw new Error('they are not packed');
    const uuids = tokens.pack(tokens.rows).toString('hex').match(/.{32}/g) ?? [];
    expect(new Set(uuids).size).toBe(1_000);
    expect(uuids.filter((each) => !/^.{12}4.{3}[89ab]/.test(each))).toEqual([]);
    expect(await tokensFor({ tokens: 'app' }, ticketsOf(sha256(uuid())), 3)).toMatchObject({
      stored: [{}, {}, {}].map(() => expect.stringMatching(/^[0-9a-f]{64}$/)),
    });
  });

  it('are left to the database when it is to make them', async () => {
    expect(await tokensFor({ tokens: 'database' }, TICKETS, 3)).toBe('database');
  });

  it('are as many as a batch has rows, where making them costs nothing to speak of', () => {
    expect(tokenMaker({ tokens: 'app' }, TICKETS).limit(5_000)).toBe(5_000);
  });

  it('are few where a function of the project hashes them, until it is known to be fast', async () => {
    const kind = hashed(uuid(), { name: 'own', hash: (token) => token.toUpperCase() });
    const maker = tokenMaker({ tokens: 'app' }, ticketsOf(kind));
    expect([maker.limit(5_000), maker.limit(3)]).toEqual([10, 3]);
    await maker.make(10);
    expect(maker.limit(50)).toBe(50);
  });
});
