/** How to say what went wrong without giving away what is in the database. */
import { SILENT_CLIENT_MS } from './after-batch.ts';
import {
  AfterBatchError,
  ConfigurationError,
  GaveUpError,
  HeldByAnotherProcessError,
  NoAnswerError,
  NotVerifiedError,
  OvertakenError,
  RowsNotRotatedError,
  TooManyRowsSetAsideError,
} from './errors.ts';
import { databaseFault, faultKind, meaningOf } from './faults.ts';

/**
 * What PostgreSQL itself says without quoting a column's value. Any other message is withheld, whatever its SQLSTATE:
 * a trigger may raise one under any code, with a token in it.
 */
const MESSAGES_WITHOUT_DATA =
  /^(syntax error at |permission denied for |password authentication failed for |no pg_hba\.conf entry for |(database|role|schema|relation|column|function|type) .* does not exist$|new row for relation "[^"]+" violates check constraint "[^"]+"$|duplicate key value violates unique constraint "[^"]+"$|null value in column "[^"]+" of relation "[^"]+" violates not-null constraint$|insert or update on table "[^"]+" violates foreign key constraint "[^"]+"$|canceling |deadlock detected$|could not serialize access|terminating connection|sorry, too many clients|the database system is |cannot execute [A-Z ]+ in a read-only transaction$)/;

/** How many keys a sentence names; `RowsNotRotatedError.rows` has them all. */
const KEYS_NAMED = 20;

/**
 * One line about any error, safe to print, log or store: it never holds a token, a row's value or a password.
 *
 * @param error what was thrown, of whatever kind
 */
export function describeError(error: unknown): string {
  if (
    error instanceof ConfigurationError ||
    error instanceof HeldByAnotherProcessError ||
    error instanceof OvertakenError ||
    error instanceof NotVerifiedError
  ) {
    return error.message;
  }
  if (error instanceof NoAnswerError) return describeNoAnswer(error);
  if (error instanceof GaveUpError) {
    if (error.attempts === 1) return describeError(error.cause);
    const seconds = Math.round(error.elapsedMs / 1000);
    return `${describeError(error.cause)} Gave up after ${error.attempts} attempts in ${seconds} s (see --max-retry-time-ms).`;
  }
  if (error instanceof TooManyRowsSetAsideError) {
    return `more than ${error.rows} rows of partition ${error.partition} are in the way, so this is no matter of single rows: ${describeError(error.cause)}`;
  }
  if (error instanceof RowsNotRotatedError) return describeRows(error);
  if (error instanceof AfterBatchError) return describeAfterBatch(error);
  return describeFault(error);
}

function describeNoAnswer({ cause, database, attempts, elapsedMs }: NoAnswerError): string {
  const howOften = attempts === 1 ? 'once' : `${attempts} times in ${Math.round(elapsedMs / 1000)} s`;
  const tried = database === undefined ? '' : ` ${database} (host:port/database)`;
  return `${describeError(cause)} Tried${tried} ${howOften}; this run changed nothing.`;
}

function describeAfterBatch({ cause, elapsedMs }: AfterBatchError): string {
  if (faultKind(cause) === 'passing') {
    return (
      `${describeFault(cause)} It was lost in afterBatch, after ${Math.round(elapsedMs / 1000)} s: where that takes long, ` +
      `the server ends the transaction, which may be silent for ${SILENT_CLIENT_MS / 1000} s only.`
    );
  }
  return `the target's afterBatch failed, and its batch was rolled back: ${describeFault(cause)}. Its message is not shown, since it could hold a token.`;
}

function describeRows({ rows }: RowsNotRotatedError): string {
  const named = rows.slice(0, KEYS_NAMED).map(({ key, fault }) => `${key} (${fault})`);
  const more = rows.length > named.length ? ` and ${rows.length - named.length} more` : '';
  const meanings = [...new Set(rows.map(({ fault }) => fault))].map((fault) => `${fault}: ${meaningOf(fault)}`);
  const subject = rows.length === 1 ? '1 row' : `${rows.length} rows`;
  return (
    `${subject} could not be rotated, and still ${rows.length === 1 ? 'has its' : 'have their'} leaked token. By key: ` +
    `${named.join(', ')}${more}. ${meanings.join(' ')} Everything else is done; the same command tries just these again.`
  );
}

function describeFault(error: unknown): string {
  const { code, message, answered } = databaseFault(error);
  if (code === undefined) {
    return `unexpected ${error instanceof Error ? error.name : typeof error}${firstStackFrame(error)}`;
  }
  if (!answered && meaningOf(code)) return meaningOf(code);
  const safeMessage = message && MESSAGES_WITHOUT_DATA.test(message) ? `: ${message}` : '';
  return `the database reported ${code}${safeMessage}. ${meaningOf(code)}`.trimEnd();
}

/** Code that was compiled on the way has all of itself in its address, and the file that it was. */
const INLINED = /data:\S*?filePath=([^:)\s]*)/;

/** Where in the code it happened: enough for a bug report, and free of values, unlike the message. */
function firstStackFrame(error: unknown): string {
  const frames = error instanceof Error ? (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line)) : [];
  // Of the code that called a library, rather than of the library.
  const frame = frames.find((line) => !/node_modules|node:/.test(line)) ?? frames[0];
  return frame ? ` ${frame.trim().replace(INLINED, (_, path) => decodeURIComponent(path))}` : '';
}
