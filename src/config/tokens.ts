import { ConfigurationError } from '../errors/errors.ts';
import type { Settings } from './settings.ts';
import type { Target } from './target.ts';
import type { StoredHash } from './token-kinds.ts';

/** Tokens for the rows of a batch, or `database` to have PostgreSQL make them. */
export type Tokens = FreshTokens | PackedTokens | 'database';

/** One for each row. */
export interface FreshTokens {
  /** Tokens for their holders. */
  fresh: readonly string[];
  /** Tokens as stored: the same, or their hashes; bytes as hexadecimal digits. */
  stored: readonly string[];
}

/** UUIDs for so many rows, which are made when they are written. */
export interface PackedTokens {
  rows: number;
  /** Makes so many, one after another. */
  pack: (count: number) => Buffer;
}

/** What tokens are made for. */
type Made = Pick<Target, 'kind' | 'token'>;

/**
 * Makes tokens for a number of rows, in the place that the settings name.
 *
 * @throws ConfigurationError when a hash function of the project does not return what the column takes
 */
export async function tokensFor(
  { tokens }: Pick<Settings, 'tokens'>,
  target: Made & Pick<Target, 'set'>,
  rows: number,
): Promise<Tokens> {
  if (tokens === 'database') return tokens;
  const { makeBytes } = target.kind;
  return makeBytes === null || target.set !== null ? listedTokens(target, rows) : { rows, pack: makeBytes };
}

/** Makes tokens that can be read. */
export async function listedTokens({ kind, token }: Made, rows: number): Promise<FreshTokens> {
  const fresh = kind.make(rows);
  const { hash } = kind;
  if (hash === null) return { fresh, stored: fresh };
  const hashes = await Promise.all(fresh.map((each) => hash.of(each)));
  const stored = hashes.map((each) => storedHash(each, hash, token));
  if (new Set(stored).size === rows) return { fresh, stored };
  throw new ConfigurationError(`the hashes of two tokens of kind ${kind.name} are the same.`);
}

/**
 * A hash as it is stored; bytes as hexadecimal digits.
 *
 * @param value what the hash function returned
 * @throws ConfigurationError when the column does not take it
 */
export function storedHash(value: unknown, { encoding }: StoredHash, { type, fullName }: Target['token']): string {
  const isBytes = value instanceof Uint8Array;
  if ((isBytes || typeof value === 'string') && value.length > 0) {
    if (type === 'Bytes' && isBytes) return Buffer.from(value).toString('hex');
    if (type === 'String' && isBytes && encoding !== null) return Buffer.from(value).toString(encoding);
    if (type === 'String' && !isBytes) return value;
  }
  throw new ConfigurationError(
    `the hash function must return ${type === 'Bytes' ? 'bytes' : 'a text'} for ${fullName}, which is of type ${type}, and none that is empty.`,
  );
}

/** Milliseconds for which a worker makes tokens before it writes them; its claim lasts longer. */
const MAKING_MS = 1_000;

/** Milliseconds that a hash function of the project is expected to take for a token, until it has been measured. */
const EXPECTED_HASH_MS = 100;

/** Makes the tokens of one batch after another. */
export interface TokenMaker {
  /** @returns how many of so many tokens can be made in about a second; at least one */
  limit(rows: number): number;
  make(rows: number): Promise<Tokens>;
}

export function tokenMaker(settings: Pick<Settings, 'tokens'>, target: Made & Pick<Target, 'set'>): TokenMaker {
  const isSlowPerhaps = target.kind.hash?.isOwn === true;
  let msPerToken = EXPECTED_HASH_MS;
  return {
    limit: (rows) => (isSlowPerhaps ? Math.max(1, Math.min(rows, Math.floor(MAKING_MS / msPerToken))) : rows),
    async make(rows) {
      const startedAtMs = performance.now();
      const tokens = await tokensFor(settings, target, rows);
      msPerToken = (performance.now() - startedAtMs) / Math.max(1, rows);
      return tokens;
    },
  };
}
