import type { Settings } from '../config/settings.ts';
import type { Target } from '../config/target.ts';
import { LEAST_BITS } from '../config/token-kinds.ts';
import type { Queryable } from '../database/database.ts';
import { ok, stop, type Verdict, warning } from './verdict.ts';

export async function inspectTokenKind(
  _database: Queryable,
  target: Target,
  { tokens }: Pick<Settings, 'tokens'>,
): Promise<Verdict> {
  return judgeTokenKind(target, tokens);
}

/** Checks that such tokens can be made, and are of use. */
export function judgeTokenKind({ kind, set, afterBatch }: Target, tokens: Settings['tokens']): Verdict {
  if (tokens === 'database' && (kind.type !== 'uuid' || kind.hash !== null)) {
    return stop(
      `the database can only make UUIDs, but the target needs tokens of kind ${kind.name}.`,
      'Omit --tokens database.',
    );
  }
  if (tokens === 'database' && set !== null) {
    return stop('the target has a set, which needs the new tokens in this process.', 'Omit --tokens database.');
  }
  if (kind.hash !== null && set === null && afterBatch === null) {
    return warning(
      'only hashes of the new tokens are stored, and the target has no afterBatch, so no one will know the tokens.',
      'That is fine if holders sign in again. Otherwise give the target an afterBatch that delivers the tokens.',
    );
  }
  if (kind.bits < LEAST_BITS) {
    return warning(
      `tokens of kind ${kind.name} have ${kind.bits} bits that cannot be guessed, fewer than the ${LEAST_BITS} of a UUID.`,
      'Limit the rate of attempts to guess them.',
    );
  }
  return ok(`tokens are of kind ${kind.name}, with ${kind.bits} bits that cannot be guessed.`);
}
