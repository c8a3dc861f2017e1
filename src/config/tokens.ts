import type { Settings } from './settings.ts';
import type { Target } from './target.ts';
import { hashOf } from './token-kinds.ts';

/** Tokens for the rows of a batch, or `database` to have PostgreSQL make them. */
export type Tokens = FreshTokens | 'database';

/** One for each row. */
export interface FreshTokens {
  /** Tokens for their holders. */
  fresh: readonly string[];
  /** Tokens as stored: the same, or their hashes. */
  stored: readonly string[];
}

/** Makes tokens for a number of rows, in the place that the settings name. */
export function tokensFor({ tokens }: Pick<Settings, 'tokens'>, { kind }: Pick<Target, 'kind'>, rows: number): Tokens {
  if (tokens === 'database') return tokens;
  const fresh = kind.make(rows);
  return { fresh, stored: kind.isHashed ? fresh.map(hashOf) : fresh };
}
