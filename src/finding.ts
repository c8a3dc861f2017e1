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
