import { createHash, createHmac } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { hashed, sha256, sha256Of } from '../../src/config/hashed-kinds.ts';
import { base64url, custom, hex, type TokenKind, uuid } from '../../src/config/token-kinds.ts';
import { listedTokens } from '../../src/config/tokens.ts';
import { arrayLiteral } from '../../src/database/array-literal.ts';
import { useTestDatabase } from '../support/database.ts';
import { TICKETS } from '../support/tickets.ts';

describe('hashed tokens', () => {
  const { database } = useTestDatabase();

  it('are as hard to guess as what they are made from, and stored as text of 64 characters', () => {
    expect(sha256(base64url({ bytes: 17 }))).toMatchObject({
      hash: { encoding: 'hex' },
      bits: 136,
      type: 'text',
      length: 64,
    });
    expect(sha256(uuid())).toMatchObject({ hash: { encoding: 'hex' }, bits: 122, type: 'text', length: 64 });
  });

  it('are handed out as PostgreSQL writes UUIDs, so that the holder and the database hash the same text', async () => {
    const tokens = sha256(uuid()).make(100);
    const written = await database.$queryRaw<{ token: string }[]>`
    SELECT token::uuid::text AS token FROM unnest(${arrayLiteral(tokens)}::text[]) WITH ORDINALITY AS given (token, place)
    ORDER BY place`;
    expect(tokens).toEqual(written.map(({ token }) => token));
  });

  it('are handed out as they are made where they only look like UUIDs', () => {
    const digits = '0123456789abcdef0123456789abcdef';
    expect(sha256(custom({ name: 'own', bits: 128, make: () => digits })).make(1)).toEqual([digits]);
    expect(sha256(hex({ bytes: 16 })).make(1)).toEqual([expect.stringMatching(/^[0-9a-f]{32}$/)]);
  });

  it('have the hash that PostgreSQL makes of them, whatever they are', () => {
    const texts = fc.string({ unit: 'binary' }).map((text) => text.replaceAll('\0', '')); // which no text may hold
    return fc.assert(
      fc.asyncProperty(texts, async (text) => {
        const [row] = await database.$queryRaw<{ hash: string }[]>`
        SELECT encode(sha256(convert_to(${text}, 'UTF8')), 'hex') AS hash`;
        expect(sha256Of(text).toString('hex')).toBe(row?.hash);
      }),
    );
  });

  it.each(['sha256', 'hashed'])('cannot be hashed again by %s', (how) => {
    const again = how === 'sha256' ? sha256 : (kind: TokenKind) => hashed(kind, { name: 'own', hash: sha256Of });
    expect(() => again(sha256(uuid()))).toThrow(configurationError(`${how}: this kind of token is already hashed.`));
  });

  it.each(['hex', 'base64', 'base64url'] as const)(
    'are stored in the encoding that is asked for: %s',
    async (encoding) => {
      const kind = sha256(custom({ name: 'own', bits: 128, make: () => 'abc' }), { encoding });
      const { stored } = await listedTokens({ kind, token: TICKETS.token }, 1);
      expect(stored).toEqual([createHash('sha256').update('abc').digest(encoding)]);
      expect(stored[0]).toHaveLength(kind.length ?? 0);
      expect(kind.name).toBe(encoding === 'hex' ? 'sha256(custom(own))' : `sha256(custom(own), ${encoding})`);
    },
  );

  it('are stored in an encoding that there is', () => {
    expect(() => sha256(uuid(), { encoding: 'utf8' as 'hex' })).toThrow(
      configurationError("sha256: encoding must be 'hex', 'base64' or 'base64url'."),
    );
  });
});

describe('tokens hashed by a function of your own', () => {
  const mac = (token: string) => createHmac('sha512', 'pepper').update(token).digest();

  it('are handed out in clear, with UUIDs as PostgreSQL writes them', async () => {
    const kind = hashed(uuid(), { name: 'hmac', hash: async (token) => mac(token).toString('base64') });
    const { fresh, stored } = await listedTokens({ kind, token: TICKETS.token }, 2);
    expect(fresh).toEqual([{}, {}].map(() => expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-4/)));
    expect(stored).toEqual(fresh.map((token) => mac(token).toString('base64')));
    expect(kind).toMatchObject({ name: 'hashed(uuid, hmac)', bits: 122, length: null, form: null });
  });

  it('may be bytes for a field of type Bytes', async () => {
    const kind = hashed(uuid(), { name: 'hmac', hash: mac });
    const { fresh, stored } = await listedTokens({ kind, token: { ...TICKETS.token, type: 'Bytes' } }, 2);
    expect(stored).toEqual(fresh.map((token) => mac(token).toString('hex')));
  });

  it('have a form if a pattern is given', () => {
    expect(hashed(uuid(), { name: 'argon2', hash: mac, pattern: '$argon2id$%' }).form).toEqual({
      name: 'hashes of the pattern $argon2id$%',
      patterns: ['$argon2id$%'],
    });
  });

  it.each<[string, string, unknown]>([
    ['String', 'bytes', mac('a')],
    ['String', 'nothing', undefined],
    ['String', 'an empty text', ''],
    ['Bytes', 'a text', 'secret'],
    ['Bytes', 'no bytes', new Uint8Array()],
  ])('are refused where a %s field would get %s, without being shown', async (type, _, value) => {
    const kind = hashed(uuid(), { name: 'own', hash: () => value as string });
    const making = listedTokens({ kind, token: { ...TICKETS.token, type } }, 1);
    const what = type === 'Bytes' ? 'bytes' : 'a text';
    await expect(making).rejects.toThrow(
      configurationError(
        `the hash function must return ${what} for tickets.token, which is of type ${type}, and none that is empty.`,
      ),
    );
  });

  it('are refused where two of them have one hash', async () => {
    const kind = hashed(uuid(), { name: 'own', hash: (token) => token.slice(14, 15) });
    await expect(listedTokens({ kind, token: TICKETS.token }, 2)).rejects.toThrow(
      configurationError('the hashes of two tokens of kind hashed(uuid, own) are the same.'),
    );
  });

  it.each([{ name: 'a b' }, { name: undefined }, { hash: 'sha1' }])('are refused with %j', (option) => {
    expect(() => hashed(uuid(), { name: 'own', hash: mac, ...(option as object) })).toThrow(/^hashed: \w+ must be /);
  });
});

/** The error that says exactly this. */
function configurationError(message: string) {
  return expect.objectContaining({ name: 'ConfigurationError', message });
}
