import { randomBytes } from 'node:crypto';
import { ConfigurationError } from '../errors/errors.ts';

/** Kinds of tokens: their form, and how they are made. */
export interface TokenKind {
  /** Such as `base64url(24)`: part of what a rotation is recorded as, so that no other kind resumes it. */
  readonly name: string;
  /** Bits of each token that cannot be guessed. */
  readonly bits: number;
  /** Type that PostgreSQL reads them as. */
  readonly type: 'uuid' | 'text';
  /** Characters as they are stored; null: any number. */
  readonly length: number | null;
  /** Their form in words, and LIKE patterns of which each stored token matches one; null: unknown. */
  readonly form: { readonly name: string; readonly patterns: readonly string[] } | null;
  /** The hash of a token that is stored in its place; null: the token itself is stored. */
  readonly hash: StoredHash | null;
  /** Makes so many, all of them different. */
  readonly make: (count: number) => string[];
  /** Makes so many UUIDs of `UUID_BYTES` each, which travel in half the space of text; null: only `make`. */
  readonly makeBytes: ((count: number) => Buffer) | null;
}

/** A hash that is stored in place of a token. */
export interface StoredHash {
  /** A text, or bytes. */
  readonly of: (token: string) => string | Uint8Array | PromiseLike<string | Uint8Array>;
  /** Writes bytes as text, for a String field; null: `of` returns what the field takes. */
  readonly encoding: HashEncoding | null;
  /** True if it is a function of the project, which may take long. */
  readonly isOwn: boolean;
}

/** Text forms of a hash. */
export type HashEncoding = 'hex' | 'base64' | 'base64url';

/** Bits of a UUID: the least that a token must have, unless `acceptWeakTokens` is set. */
export const LEAST_BITS = 122;

/** Bytes of a UUID. */
export const UUID_BYTES = 16;

/** Version 4 UUIDs (RFC 9562, section 5.4), for a column of type uuid or text. */
export function uuid(): TokenKind {
  return {
    name: 'uuid',
    bits: LEAST_BITS,
    type: 'uuid',
    length: 36,
    form: {
      name: 'version 4 UUIDs',
      patterns: ['8', '9', 'a', 'b'].map((variant) => `________-____-4___-${variant}___-____________`),
    },
    hash: null,
    make: (count) => cut(makeUuids(count).toString('hex'), count),
    makeBytes: makeUuids,
  };
}

/**
 * 122 bits each from the operating system's cryptographically secure generator. All bytes are drawn at once: a fourth of
 * the time that as many calls of `randomUUID` take, and next to no garbage.
 */
function makeUuids(count: number): Buffer {
  const bytes = randomBytes(UUID_BYTES * count);
  for (let start = 0; start < bytes.length; start += UUID_BYTES) {
    bytes.writeUInt8((bytes.readUInt8(start + 6) & 0x0f) | 0x40, start + 6); // version 4
    bytes.writeUInt8((bytes.readUInt8(start + 8) & 0x3f) | 0x80, start + 8); // variant 10
  }
  return bytes;
}

/** Text forms of random bytes. */
export interface BytesOptions {
  /** Random bytes in each token, 1 to 256. */
  bytes: number;
  /** Beginning of each token, such as `tk_live_`: up to 32 letters, digits, `_`, `-` or `.`. @default none */
  prefix?: string;
}

/** Random bytes as hexadecimal digits, two for each byte. @throws ConfigurationError when an option is out of bounds */
export function hex(options: BytesOptions): TokenKind {
  return randomText('hex', 2 * options.bytes, 'hexadecimal digits', options);
}

/**
 * Random bytes as letters, digits, `-` and `_` (RFC 4648, section 5), four for three bytes, without padding.
 *
 * @throws ConfigurationError when an option is out of bounds
 */
export function base64url(options: BytesOptions): TokenKind {
  return randomText('base64url', Math.ceil((4 * options.bytes) / 3), 'base64url characters', options);
}

function randomText(
  encoding: 'hex' | 'base64url',
  characters: number,
  what: string,
  { bytes, prefix = '' }: BytesOptions,
): TokenKind {
  if (!Number.isInteger(bytes) || bytes < 1 || bytes > 256) {
    throw new ConfigurationError(`${encoding}: bytes must be a whole number, 1 to 256.`);
  }
  if (typeof prefix !== 'string' || !/^[\w.-]{0,32}$/.test(prefix)) {
    throw new ConfigurationError(`${encoding}: prefix must be up to 32 letters, digits, or . _ -`);
  }
  return {
    name: `${prefix === '' ? '' : `${prefix} + `}${encoding}(${bytes})`,
    bits: 8 * bytes,
    type: 'text',
    length: prefix.length + characters,
    form: {
      name: `${prefix === '' ? '' : `${prefix} and `}${characters} ${what}`,
      patterns: [prefix.replace(/_/g, '\\_') + '_'.repeat(characters)],
    },
    hash: null,
    make: (count) => {
      // All bytes are drawn at once; where a token's bytes end between two characters, they cannot be written at once.
      const drawn = randomBytes(bytes * count);
      return Array.from(
        { length: count },
        (_, index) => prefix + drawn.toString(encoding, bytes * index, bytes * (index + 1)),
      );
    },
    makeBytes: null,
  };
}

/** A string cut into so many equal pieces. */
function cut(text: string, count: number): string[] {
  const length = text.length / Math.max(1, count);
  return Array.from({ length: count }, (_, index) => text.slice(length * index, length * (index + 1)));
}

/** A function of your own. */
export interface CustomOptions {
  /** 1 to 63 letters, digits, or `. _ : -`: another name is another kind. */
  name: string;
  /** Bits of each token that come from a cryptographically secure generator. */
  bits: number;
  /** Makes a token; never the same twice. */
  make: () => string;
  /** A LIKE pattern of PostgreSQL that each token matches. @default their form is not verified */
  pattern?: string;
}

/** Tokens that a function of your own makes. */
export function custom({ name, bits, make, pattern }: CustomOptions): TokenKind {
  refuseName('custom', name);
  if (!(bits > 0)) throw new ConfigurationError('custom: bits must be a positive number.');
  return {
    name: `custom(${name})`,
    bits,
    type: 'text',
    length: null,
    form: pattern === undefined ? null : { name: `of the pattern ${pattern}`, patterns: [pattern] },
    hash: null,
    make: (count) =>
      allDifferent(
        Array.from({ length: count }, () => make()),
        name,
      ),
    makeBytes: null,
  };
}

/** @throws ConfigurationError when a name cannot be part of a label */
export function refuseName(kind: string, name: unknown): void {
  if (typeof name === 'string' && /^[\w.:-]{1,63}$/.test(name)) return;
  throw new ConfigurationError(`${kind}: name must be 1 to 63 letters, digits, or . _ : -`);
}

function allDifferent(tokens: string[], kind: string): string[] {
  if (!tokens.every((token) => typeof token === 'string' && token !== '')) {
    throw new ConfigurationError(`the function that makes ${kind} tokens returned an empty string, or no string.`);
  }
  if (new Set(tokens).size === tokens.length) return tokens;
  throw new ConfigurationError(`the function that makes ${kind} tokens returned the same one twice.`);
}

/** As PostgreSQL, and everybody else, writes a UUID. */
export function hyphenated(digits: string): string {
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
