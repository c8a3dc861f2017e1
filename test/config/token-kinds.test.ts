import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { sha256 } from '../../src/config/hashed-kinds.ts';
import {
  type BytesOptions,
  base64url,
  type CustomOptions,
  custom,
  hex,
  type TokenKind,
  uuid,
} from '../../src/config/token-kinds.ts';
import { listedTokens } from '../../src/config/tokens.ts';
import { arrayLiteral } from '../../src/database/array-literal.ts';
import { useTestDatabase } from '../support/database.ts';
import { TICKETS } from '../support/tickets.ts';

describe('tokens of kind uuid', () => {
  it('are version 4 UUIDs, written without hyphens', () => {
    const version4 = /^[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}$/;
    expect(
      uuid()
        .make(100)
        .filter((token) => !version4.test(token)),
    ).toEqual([]);
  });
});

const ENCODINGS = { hex, base64url };

/** How long so many bytes are in either encoding (RFC 4648): whole groups of three, and one and two bytes more. */
const LENGTHS: [keyof typeof ENCODINGS, number, number][] = [
  ['hex', 1, 2],
  ['hex', 16, 32],
  ['hex', 17, 34],
  ['hex', 256, 512],
  ['base64url', 1, 2],
  ['base64url', 2, 3],
  ['base64url', 3, 4],
  ['base64url', 16, 22],
  ['base64url', 24, 32],
  ['base64url', 31, 42],
  ['base64url', 32, 43],
  ['base64url', 256, 342],
];

const ALPHABETS = { hex: /^[0-9a-f]+$/, base64url: /^[A-Za-z0-9_-]+$/ };

describe.each(LENGTHS)('tokens of kind %s with %d bytes', (encoding, bytes, length) => {
  const kind = ENCODINGS[encoding]({ bytes });
  const tokens = kind.make(100);

  it('are written in its alphabet, without padding, and can be read back', () => {
    expect(tokens.filter((token) => !ALPHABETS[encoding].test(token))).toEqual([]);
    const readBack = tokens.map((token) => Buffer.from(token, encoding));
    expect(readBack.map((read) => read.toString(encoding))).toEqual(tokens);
    expect(new Set(readBack.map((read) => read.length))).toEqual(new Set([bytes]));
  });

  it('are as long as the kind says', () => {
    expect(new Set(tokens.map((token) => token.length))).toEqual(new Set([length]));
    expect(kind.length).toBe(length);
  });

  it('begin with the prefix, which makes them longer but no harder to guess', () => {
    const prefixed = ENCODINGS[encoding]({ bytes, prefix: 'tk_live_' });
    const whole = new RegExp(`^tk_live_[\\w-]{${length}}$`);
    expect(prefixed.make(100).filter((token) => !whole.test(token))).toEqual([]);
    expect(prefixed).toMatchObject({ length: length + 'tk_live_'.length, bits: 8 * bytes, type: 'text' });
    expect(kind.bits).toBe(8 * bytes);
  });
});

describe('random tokens', () => {
  const RANDOM = byName(uuid(), hex({ bytes: 16 }), base64url({ bytes: 17, prefix: 'tk_' }), sha256(uuid()));

  it.each(RANDOM)('are as many as asked for, and all different (%s)', (_, kind) => {
    expect(new Set(kind.make(10_000)).size).toBe(10_000);
    expect(kind.make(10_000)).toHaveLength(10_000);
  });

  it.each(RANDOM)('are none when none are asked for (%s)', (_, kind) => {
    expect(kind.make(0)).toEqual([]);
  });

  it.each(RANDOM)('are different the next time (%s)', (_, kind) => {
    expect(kind.make(1)).not.toEqual(kind.make(1));
  });

  it.each(byName(uuid(), hex({ bytes: 16 }), base64url({ bytes: 17 })))(
    'share no sixteen characters, so that none can be guessed from another (%s)',
    (_, kind) => {
      const parts = kind
        .make(1_000)
        .flatMap((token) => Array.from({ length: token.length - 15 }, (_, start) => token.slice(start, start + 16)));
      expect(new Set(parts).size).toBe(parts.length);
    },
  );
});

describe('a kind of token', () => {
  it.each<{ kind: TokenKind; name: string; form: string | undefined }>([
    { kind: uuid(), name: 'uuid', form: 'version 4 UUIDs' },
    { kind: hex({ bytes: 16 }), name: 'hex(16)', form: '32 hexadecimal digits' },
    { kind: hex({ bytes: 16, prefix: 'tk-' }), name: 'tk- + hex(16)', form: 'tk- and 32 hexadecimal digits' },
    { kind: base64url({ bytes: 17 }), name: 'base64url(17)', form: '23 base64url characters' },
    {
      kind: base64url({ bytes: 24, prefix: 'tk_' }),
      name: 'tk_ + base64url(24)',
      form: 'tk_ and 32 base64url characters',
    },
    { kind: custom({ name: 'cuid:2', bits: 122, make: randomUUID }), name: 'custom(cuid:2)', form: undefined },
    { kind: sha256(uuid()), name: 'sha256(uuid)', form: 'SHA-256 hashes' },
    { kind: sha256(hex({ bytes: 16, prefix: 'tk_' })), name: 'sha256(tk_ + hex(16))', form: 'SHA-256 hashes' },
  ])('has a name, and words for its form: $name', ({ kind, name, form }) => {
    expect(kind.name).toBe(name);
    expect(kind.form?.name).toBe(form);
  });
});

describe.each(Object.entries(ENCODINGS))('the kind %s', (encoding, kindOf) => {
  it.each([0, -1, 257, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '16', undefined])(
    'is refused with %p bytes',
    (bytes) => {
      expect(() => kindOf({ bytes } as BytesOptions)).toThrow(
        configurationError(`${encoding}: bytes must be a whole number, 1 to 256.`),
      );
    },
  );

  it.each(['x'.repeat(33), 'a b', '100%', "'", '\\', 'tk_\n', 'ä', '{'])('is refused with the prefix %j', (prefix) => {
    expect(() => kindOf({ bytes: 16, prefix })).toThrow(
      configurationError(`${encoding}: prefix must be up to 32 letters, digits, or . _ -`),
    );
  });

  it.each(['', 'x'.repeat(32), 'A-z_0.9'])('takes the prefix %j', (prefix) => {
    const { length, make } = kindOf({ bytes: 16, prefix });
    expect(make(1)).toEqual([expect.stringMatching(new RegExp(`^${prefix}[\\w-]+$`))]);
    expect(make(1)[0]).toHaveLength(length ?? 0);
  });
});

describe('custom tokens', () => {
  /** A kind that makes these, one after the other. */
  const making = (tokens: readonly unknown[]) => {
    const left = [...tokens];
    return custom({ name: 'own', bits: 128, make: () => left.shift() as string });
  };

  it('are those that the function makes', () => {
    expect(making(['a', 'b', "c'"]).make(3)).toEqual(['a', 'b', "c'"]);
    expect(making([]).make(0)).toEqual([]);
  });

  it('are of a form and a length that is not known', () => {
    expect(making([])).toMatchObject({
      name: 'custom(own)',
      bits: 128,
      type: 'text',
      length: null,
      form: null,
      hash: null,
    });
  });

  it('are made without arguments, which a function might take for options of its own', () => {
    const given: unknown[][] = [];
    const make = (...options: unknown[]) => {
      given.push(options);
      return randomUUID();
    };
    custom({ name: 'own', bits: 122, make }).make(2);
    expect(given).toEqual([[], []]);
  });

  it('are refused when one comes twice, without being shown', () => {
    expect(() => making(['secret', 'other', 'secret']).make(3)).toThrow(
      configurationError('the function that makes own tokens returned the same one twice.'),
    );
  });

  it.each([[''], [undefined], [null], [5], [['secret']], [{ token: 'secret' }]])(
    'are refused when one is %j, without being shown',
    (token) => {
      expect(() => making(['secret', token]).make(2)).toThrow(
        configurationError('the function that makes own tokens returned an empty string, or no string.'),
      );
    },
  );

  const OPTIONS: CustomOptions = { name: 'own', bits: 128, make: randomUUID };

  it.each(['', 'x'.repeat(64), 'a b', 'sha256(own)', "'", 'own\n', 'ä'])('are refused with the name %j', (name) => {
    expect(() => custom({ ...OPTIONS, name })).toThrow(
      configurationError('custom: name must be 1 to 63 letters, digits, or . _ : -'),
    );
  });

  it.each([0, -128, Number.NaN])('are refused with %d bits', (bits) => {
    expect(() => custom({ ...OPTIONS, bits })).toThrow(configurationError('custom: bits must be a positive number.'));
  });
});

describe('for PostgreSQL,', () => {
  const { database } = useTestDatabase();

  describe('the patterns of a kind of token', () => {
    /** Those that PostgreSQL finds to match one of the kind's patterns. */
    const matching = async ({ form }: TokenKind, tokens: readonly string[]): Promise<string[]> => {
      const rows = await database.$queryRaw<{ token: string }[]>`
      SELECT token FROM unnest(${arrayLiteral(tokens)}::text[]) WITH ORDINALITY AS given (token, place)
      WHERE token LIKE ANY (${arrayLiteral(form?.patterns ?? [])}::text[]) ORDER BY place`;
      return rows.map(({ token }) => token);
    };

    it.each(
      byName(
        hex({ bytes: 16 }),
        hex({ bytes: 1, prefix: '_' }),
        base64url({ bytes: 16 }),
        base64url({ bytes: 17, prefix: 'tk_live_' }),
        base64url({ bytes: 18, prefix: '.-A_z__' }),
        sha256(uuid()),
        sha256(base64url({ bytes: 17, prefix: 'tk_live_' })),
      ),
    )('match all that is stored, and nothing one character longer or shorter (%s)', async (_, kind) => {
      const { stored: tokens } = await listedTokens({ kind, token: TICKETS.token }, 100);
      expect(await matching(kind, tokens)).toEqual(tokens);
      const others = tokens.flatMap((token) => [`${token}0`, `0${token}`, token.slice(0, -1), token.slice(1)]);
      expect(await matching(kind, [...others, ''])).toEqual([]);
    });

    it('match UUIDs as PostgreSQL writes them, of version 4 only', async () => {
      const written = await database.$queryRaw<{ token: string }[]>`
      SELECT unnest(${arrayLiteral(uuid().make(100))}::uuid[])::text AS token`;
      const tokens = written.map(({ token }) => token);
      expect(await matching(uuid(), tokens)).toEqual(tokens);
      const others = [
        '6fa459ea-ee8a-11ca-894e-db77e160355e', // version 1
        '00000000-0000-0000-0000-000000000000',
        '00000000-0000-4000-7000-000000000000', // of a variant that is none
        '00000000-0000-4000-c000-000000000000',
        '00000000-0000-4000-8000-0000000000000',
        '00000000-0000-4000-8000-00000000000',
        '00000000000040008000000000000000',
        '{00000000-0000-4000-8000-000000000000}',
      ];
      expect(await matching(uuid(), others)).toEqual([]);
      expect(await matching(uuid(), ['00000000-0000-4000-8000-000000000000'])).toHaveLength(1);
    });

    it.each(['tk_', '_', 'a_b_', '__'])('take the prefix literally: %s', async (prefix) => {
      const kind = hex({ bytes: 16, prefix });
      const digits = '0'.repeat(32);
      const others = [...prefix].map((_, index) => `${prefix.slice(0, index)}x${prefix.slice(index + 1)}`);
      const texts = [...others, prefix.replaceAll('_', '\\_'), ''].map((other) => `${other}${digits}`);
      expect(await matching(kind, [...texts, `${prefix}${digits}`])).toEqual([`${prefix}${digits}`]);
    });
  });
});

/** For a table of tests. */
function byName(...kinds: TokenKind[]): [string, TokenKind][] {
  return kinds.map((kind) => [kind.name, kind]);
}

/** The error that says exactly this. */
function configurationError(message: string) {
  return expect.objectContaining({ name: 'ConfigurationError', message });
}
