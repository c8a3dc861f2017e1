/**
 * An error that a caller can act on. Its message is one line that is safe to print, log or store: it never holds a
 * token, a row's value or a password.
 */
export abstract class RotationError extends Error {
  /** Exit code of a command that ends with this error; `EXIT_CODES` in `src/cli/exit-code.ts` lists them. */
  readonly exitCode: number = 1;
}
