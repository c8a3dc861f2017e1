/**
 * The errors a caller can act on. `src/errors/describe-error.ts` describes any error; `src/cli/exit-code.ts` maps exit codes.
 */
import type { Finding } from '../finding.ts';

/** An option, the environment or the database's state is not what a rotation needs. Nothing was written. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
}

/** Live processes hold all that is left of the rotation. This one has written nothing. */
export class HeldByAnotherProcessError extends Error {
  override readonly name = 'HeldByAnotherProcessError';
  readonly rotation: string;
  /** Each as `host:pid:nonce`. */
  readonly holders: readonly string[];

  constructor(rotation: string, holders: readonly string[]) {
    super(
      `rotation '${rotation}' is being run by ${nameHolders(holders)}. Nothing is left for this process, which changed nothing.`,
    );
    this.rotation = rotation;
    this.holders = holders;
  }
}

/** The processes of a list, for a sentence. */
export function nameHolders(holders: readonly string[]): string {
  return holders.length === 0 ? 'other processes' : holders.join(', ');
}

/** The fence refused a batch: another process took the partition over. The batch was rolled back. */
export class OvertakenError extends Error {
  override readonly name = 'OvertakenError';
  readonly rotation: string;
  readonly partition: number;

  constructor(rotation: string, partition: number) {
    super(
      `another process took over partition ${partition} of rotation '${rotation}' while this one was not responding. ` +
        'The batch in flight was rolled back; the other process carries on.',
    );
    this.rotation = rotation;
    this.partition = partition;
  }
}

/** A fault that passes by itself did not, for as long as was to be waited. Its cause is the last one seen. */
export class GaveUpError extends Error {
  override readonly name: string = 'GaveUpError';
  readonly attempts: number;
  readonly elapsedMs: number;

  constructor(cause: unknown, attempts: number, elapsedMs: number) {
    super(`gave up after ${attempts} attempts`, { cause });
    this.attempts = attempts;
    this.elapsedMs = elapsedMs;
  }
}

/** The database server has not answered at all since this process began. Nothing was changed. */
export class NoAnswerError extends GaveUpError {
  override readonly name = 'NoAnswerError';
  /** `host:port/database`; undefined for a client that `openDatabase` has not opened. */
  readonly database: string | undefined;

  constructor(cause: unknown, attempts: number, elapsedMs: number, database: string | undefined) {
    super(cause, attempts, elapsedMs);
    this.database = database;
  }
}

/** So many single rows of a partition are in the way that it is no matter of single rows. Its cause is the last fault. */
export class TooManyRowsSetAsideError extends Error {
  override readonly name = 'TooManyRowsSetAsideError';
  readonly partition: number;
  readonly rows: number;

  constructor(partition: number, rows: number, cause: unknown) {
    super(`${rows} rows of partition ${partition} could not be rotated one by one`, { cause });
    this.partition = partition;
    this.rows = rows;
  }
}

/** Everything was rotated but these rows, which somebody keeps locked or something refuses. */
export class RowsNotRotatedError extends Error {
  override readonly name = 'RowsNotRotatedError';
  readonly rotation: string;
  /** By partition. */
  readonly rows: readonly RowNotRotated[];

  constructor(rotation: string, rows: readonly RowNotRotated[]) {
    super(`${rows.length} rows of rotation '${rotation}' could not be rotated`);
    this.rotation = rotation;
    this.rows = rows;
  }
}

/** The code of a row that did not take its new token; no SQLSTATE fits, since nothing failed. */
export const NOT_TAKEN = 'NOT_TAKEN';

/** Rows of a batch did not take their new tokens. The batch was rolled back. */
export class TokensNotTakenError extends Error {
  override readonly name = 'TokensNotTakenError';
  readonly code = NOT_TAKEN;
  /** How many rows the batch was to give a token, and how many of them did not take it. */
  readonly rows: number;
  readonly notTaken: number;

  constructor(rows: number, notTaken: number) {
    super(`${notTaken} of ${rows} rows did not take their new token`);
    this.rows = rows;
    this.notTaken = notTaken;
  }
}

/** The target's own `afterBatch` failed by itself, or lost its connection after a long time. The batch was rolled back. */
export class AfterBatchError extends Error {
  override readonly name = 'AfterBatchError';

  readonly elapsedMs: number;
  /** How long the transaction may be silent. */
  readonly silentClientMs: number;

  constructor(cause: unknown, elapsedMs: number, silentClientMs: number) {
    super('afterBatch failed', { cause });
    this.elapsedMs = elapsedMs;
    this.silentClientMs = silentClientMs;
  }
}

/** Everything was rotated, but what was found afterwards is not what it should be. */
export class NotVerifiedError extends Error {
  override readonly name = 'NotVerifiedError';
  readonly rotation: string;
  /** Those that say `stop`. */
  readonly findings: readonly Finding[];

  constructor(rotation: string, findings: readonly Finding[]) {
    const faults = findings.map(({ message, advice }) => (advice ? `${message} ${advice}` : message));
    super(`rotation '${rotation}' finished, but verification failed: ${faults.join(' ')}`);
    this.rotation = rotation;
    this.findings = findings;
  }
}

export interface RowNotRotated {
  /** The row's key, as text. */
  key: string;
  /** The SQLSTATE of what happened when it was last tried. */
  fault: string;
}
