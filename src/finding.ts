/** What a check of the database has found: before a rotation (preflight) or after it (verification). */
export interface Finding {
  /** Short name of the check, in kebab case: `unique-index`. */
  check: string;
  /** `warning`: it works, but somebody should know. `stop`: it must not go on, or the result cannot be trusted. */
  level: 'ok' | 'warning' | 'stop';
  /** What was found, in one sentence. Never a token, never the value of a row. */
  message: string;
  /** What to do about it; nothing when it is `ok`. */
  advice?: string;
}
