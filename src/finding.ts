/** The check of the tokens that were condemned at the start. */
export const CONDEMNED_TOKENS = 'condemned-tokens';

/** The check of a list of leaked tokens. */
export const LEAKED_LIST = 'leaked-list';

/** A finding of a check, before a rotation (preflight) or after it (verification). */
export interface Finding {
  /** Short name of the check, in kebab case: `unique-index`. */
  check: string;
  /** `warning`: it works, with a caveat. `stop`: the rotation must not continue, or its result cannot be trusted. */
  level: 'ok' | 'warning' | 'stop';
  /** One sentence, without tokens or values of rows. */
  message: string;
  /** The remedy; undefined if the level is `ok`. */
  advice?: string;
}
