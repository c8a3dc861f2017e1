import type { Settings } from './settings.ts';
import type { Target } from './target.ts';
import { hashOf } from './token-kinds.ts';

/** Tokens for the rows of a batch, or `database` to have PostgreSQL make them. */
export type Tokens = FreshTokens | PackedTokens | 'database';

/** One for each row. */
export interface FreshTokens {
  /** Tokens for their holders. */
  fresh: readonly string[];
  /** Tokens as stored: the same, or their hashes. */
  stored: readonly string[];
}

/** UUIDs, one for each row, one after another. */
export interface PackedTokens {
  packed: Buffer;
}

/** Makes tokens for a number of rows, in the place that the settings name. */
export function tokensFor({ tokens }: Pick<Settings, 'tokens'>, { kind }: Pick<Target, 'kind'>, rows: number): Tokens {
  if (tokens === 'database') return tokens;
  return kind.makeBytes === null ? listedTokens(kind, rows) : { packed: kind.makeBytes(rows) };
}

/** Makes tokens that can be read. */
export function listedTokens(kind: Pick<Target['kind'], 'make' | 'isHashed'>, rows: number): FreshTokens {
  const fresh = kind.make(rows);
  return { fresh, stored: kind.isHashed ? fresh.map(hashOf) : fresh };
}
