/** Kinds of tokens of which only a hash is stored. */

import { createHash } from 'node:crypto';
import { ConfigurationError } from '../errors/errors.ts';
import { type HashEncoding, hyphenated, refuseName, type StoredHash, type TokenKind } from './token-kinds.ts';

/** Characters of a SHA-256 hash, and the LIKE pattern that they match (RFC 4648). */
const SHA256_FORMS: Record<HashEncoding, { length: number; pattern: string }> = {
  hex: { length: 64, pattern: '_'.repeat(64) },
  base64: { length: 44, pattern: `${'_'.repeat(43)}=` },
  base64url: { length: 43, pattern: '_'.repeat(43) },
};

/** How a SHA-256 hash is written. */
export interface Sha256Options {
  /** In a String field. A Bytes field stores the 32 bytes themselves. @default 'hex' */
  encoding?: HashEncoding;
}

/**
 * Tokens stored as their SHA-256 hash. They cannot be read back, so the target's `afterBatch` must deliver them.
 *
 * @throws ConfigurationError when the kind is hashed already, or there is no such encoding
 */
export function sha256(kind: TokenKind, { encoding = 'hex' }: Sha256Options = {}): TokenKind {
  const form = Object.hasOwn(SHA256_FORMS, encoding) ? SHA256_FORMS[encoding] : undefined;
  if (form === undefined) throw new ConfigurationError("sha256: encoding must be 'hex', 'base64' or 'base64url'.");
  return {
    ...hashing('sha256', kind, { of: sha256Of, encoding, isOwn: false }),
    name: encoding === 'hex' ? `sha256(${kind.name})` : `sha256(${kind.name}, ${encoding})`,
    length: form.length,
    form: { name: 'SHA-256 hashes', patterns: [form.pattern] },
  };
}

/** A hash function of your own. */
export interface HashedOptions {
  /** 1 to 63 letters, digits, or `. _ : -`: another name is another kind. */
  name: string;
  /**
   * Makes what is stored of a token: a text for a String field, bytes for a Bytes field. Slow ones (argon2, bcrypt, scrypt)
   * make the rotation as slow; they should return a promise, so that Node computes several at a time.
   */
  hash: (token: string) => string | Uint8Array | PromiseLike<string | Uint8Array>;
  /**
   * A LIKE pattern of PostgreSQL that each stored hash matches, such as `$argon2id$%`; bytes are compared as lower-case
   * hexadecimal digits. @default their form is not verified
   */
  pattern?: string;
}

/**
 * Tokens stored as a hash that a function of your own makes: an HMAC, argon2, SHA-512.
 *
 * @throws ConfigurationError when the kind is hashed already, or an option is wrong
 */
export function hashed(kind: TokenKind, { name, hash, pattern }: HashedOptions): TokenKind {
  refuseName('hashed', name);
  if (typeof hash !== 'function') throw new ConfigurationError('hashed: hash must be a function.');
  return {
    ...hashing('hashed', kind, { of: hash, encoding: null, isOwn: true }),
    name: `hashed(${kind.name}, ${name})`,
    length: null,
    form: pattern === undefined ? null : { name: `hashes of the pattern ${pattern}`, patterns: [pattern] },
  };
}

function hashing(what: string, kind: TokenKind, hash: StoredHash): TokenKind {
  if (kind.hash !== null) throw new ConfigurationError(`${what}: this kind of token is already hashed.`);
  return {
    ...kind,
    type: 'text',
    hash,
    make: kind.type === 'uuid' ? (count) => kind.make(count).map(hyphenated) : kind.make,
    makeBytes: null,
  };
}

/** @returns 32 bytes */
export function sha256Of(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
