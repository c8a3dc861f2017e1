/** The errors that a caller can act on. */
import type { Finding } from '../finding.ts';
import { formatSeconds } from '../text/format.ts';
import { countOf, listed, sentence } from '../text/wording.ts';
import { describeError } from './describe-error.ts';
import { meaningOf, NOT_TAKEN } from './fault-table.ts';
import { faultKind } from './faults.ts';
import { RotationError } from './rotation-error.ts';

/** An option, the environment or the state of the database does not fit. Nothing was written. */
export class ConfigurationError extends RotationError {
  override readonly name = 'ConfigurationError';
  override readonly exitCode = 2;
}

/** Live processes hold the rest of the rotation. This process has written nothing. */
export class HeldByAnotherProcessError extends RotationError {
  override readonly name = 'HeldByAnotherProcessError';
  override readonly exitCode = 3;
  readonly rotation: string;
  /** Each as `host:pid:nonce`. */
  readonly holders: readonly string[];

  constructor(rotation: string, holders: readonly string[]) {
    super(
      `rotation '${rotation}' is being run by ${nameHolders(holders)}. This process has nothing left to do and changed nothing.`,
    );
    this.rotation = rotation;
    this.holders = holders;
  }
}

/** Names the processes of a list for a sentence. */
export function nameHolders(holders: readonly string[]): string {
  return holders.length === 0 ? 'other processes' : holders.join(', ');
}

/** The fence refused a batch because another process took over its partition. The batch was rolled back. */
export class OvertakenError extends RotationError {
  override readonly name = 'OvertakenError';
  readonly rotation: string;
  readonly partition: number;

  constructor(rotation: string, partition: number) {
    super(
      `another process took over partition ${partition} of rotation '${rotation}' while this one did not respond. ` +
        'The batch in flight was rolled back; the other process continues.',
    );
    this.rotation = rotation;
    this.partition = partition;
  }
}

/** A passing fault lasted longer than the rotation was to retry. Its cause is the last fault. */
export class GaveUpError extends RotationError {
  override readonly name: string = 'GaveUpError';
  readonly attempts: number;
  readonly elapsedMs: number;

  constructor(cause: unknown, attempts: number, elapsedMs: number) {
    const gaveUp = `Gave up after ${attempts} attempts in ${formatSeconds(elapsedMs / 1000)}; --max-retry-time-ms sets how long to retry.`;
    super(attempts === 1 ? describeError(cause) : `${describeError(cause)} ${gaveUp}`, { cause });
    this.attempts = attempts;
    this.elapsedMs = elapsedMs;
  }
}

/** The server has not answered since this process began. Nothing was changed. */
export class NoAnswerError extends GaveUpError {
  override readonly name = 'NoAnswerError';
  /** `host:port/database`; undefined for a client that `openDatabase` has not opened. */
  readonly database: string | undefined;

  constructor(cause: unknown, attempts: number, elapsedMs: number, database: string | undefined) {
    const tried = database === undefined ? '' : ` ${database} (host:port/database)`;
    const times = attempts === 1 ? 'once' : `${attempts} times in ${formatSeconds(elapsedMs / 1000)}`;
    super(cause, attempts, elapsedMs);
    this.message = `${describeError(cause)} Tried${tried} ${times}; this run changed nothing.`;
    this.database = database;
  }
}

/** So many single rows of these partitions fail that the rows are not the cause. Its cause is the first partition's fault. */
export class TooManyRowsSetAsideError extends RotationError {
  override readonly name = 'TooManyRowsSetAsideError';
  readonly partitions: readonly number[];
  /** Rows set aside in each of them. */
  readonly rows: number;

  constructor(partitions: readonly number[], rows: number, cause: unknown) {
    const where = partitions.length === 1 ? 'partition' : 'each of the partitions';
    super(
      `more than ${rows} rows of ${where} ${listed(partitions.map(String))} failed one by one, so single rows are not the cause: ${describeError(cause)}`,
      { cause },
    );
    this.partitions = partitions;
    this.rows = rows;
  }
}

export interface RowNotRotated {
  /** The row's key, as text. */
  key: string;
  /** The SQLSTATE of its last attempt, or `NOT_TAKEN`. */
  fault: string;
}

/** Everything was rotated except these rows, which another session keeps locked or the database refuses. */
export class RowsNotRotatedError extends RotationError {
  override readonly name = 'RowsNotRotatedError';
  readonly rotation: string;
  /** By partition. */
  readonly rows: readonly RowNotRotated[];

  constructor(rotation: string, rows: readonly RowNotRotated[]) {
    super(describeRows(rows));
    this.rotation = rotation;
    this.rows = rows;
  }
}

/** Keys that the message names; `RowsNotRotatedError.rows` has them all. */
const KEYS_NAMED = 20;

function describeRows(rows: readonly RowNotRotated[]): string {
  const named = rows.slice(0, KEYS_NAMED).map(({ key, fault }) => `${key} (${fault})`);
  const more = rows.length > named.length ? ` and ${rows.length - named.length} more` : '';
  const meanings = [...new Set(rows.map(({ fault }) => fault))].map((fault) => `${fault}: ${meaningOf(fault)}`);
  return (
    `${countOf(rows.length, 'row')} could not be rotated, and still ${rows.length === 1 ? 'has its' : 'have their'} leaked token. ` +
    `By key: ${named.join(', ')}${more}. ${meanings.join(' ')} Everything else is done; the same command tries just these again.`
  );
}

/** Rows of a batch did not take their new tokens. The batch was rolled back. */
export class TokensNotTakenError extends RotationError {
  override readonly name = 'TokensNotTakenError';
  readonly code = NOT_TAKEN;
  /** Rows of the batch. */
  readonly rows: number;
  readonly notTaken: number;

  constructor(rows: number, notTaken: number) {
    super(meaningOf(NOT_TAKEN));
    this.rows = rows;
    this.notTaken = notTaken;
  }
}

/** The target's own `afterBatch` failed by itself, or lost its connection after a long time. The batch was rolled back. */
export class AfterBatchError extends RotationError {
  override readonly name = 'AfterBatchError';
  readonly elapsedMs: number;
  /** Milliseconds that the transaction may be silent. */
  readonly silentClientMs: number;

  constructor(cause: unknown, elapsedMs: number, silentClientMs: number) {
    const lost =
      `${describeError(cause)} This happened in afterBatch, after ${formatSeconds(elapsedMs / 1000)}: ` +
      `the server ends a transaction whose client is silent for ${formatSeconds(silentClientMs / 1000)}.`;
    const failed =
      `the target's afterBatch failed, so its batch was rolled back: ${sentence(describeError(cause))} ` +
      'Its message is not shown because it could contain a token.';
    super(faultKind(cause) === 'passing' ? lost : failed, { cause });
    this.elapsedMs = elapsedMs;
    this.silentClientMs = silentClientMs;
  }
}

/** Everything was rotated, but verification found a fault. */
export class NotVerifiedError extends RotationError {
  override readonly name = 'NotVerifiedError';
  override readonly exitCode = 4;
  readonly rotation: string;
  /** Those of level `stop`. */
  readonly findings: readonly Finding[];

  constructor(rotation: string, findings: readonly Finding[]) {
    const faults = findings.map(({ message, advice }) => (advice ? `${message} ${advice}` : message));
    super(`rotation '${rotation}' finished, but verification failed: ${faults.join(' ')}`);
    this.rotation = rotation;
    this.findings = findings;
  }
}
