/** How to say what went wrong without giving away what is in the database. */
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';
import { sentence } from '../text/wording.ts';
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

/** How many keys a sentence names; `RowsNotRotatedError.rows` has them all. */
const KEYS_NAMED = 20;

/**
 * One line about any error, safe to print, log or store: it never holds a token, a row's value or a password.
 *
 * Nothing in it is text of the server, not even what looks like a message of PostgreSQL: a trigger can raise any text
 * under any code, and dynamic SQL can put a token into the name of a table, a column, a function or a constraint.
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
    return `${describeError(error.cause)} Gave up after ${error.attempts} attempts in ${seconds} s; --max-retry-time-ms sets how long to retry.`;
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

function describeAfterBatch({ cause, elapsedMs, silentClientMs }: AfterBatchError): string {
  if (faultKind(cause) === 'passing') {
    return (
      `${describeFault(cause)} It was lost in afterBatch, after ${Math.round(elapsedMs / 1000)} s: where that takes long, ` +
      `the server ends the transaction, which may be silent for ${silentClientMs / 1000} s only.`
    );
  }
  return `the target's afterBatch failed, so its batch was rolled back: ${sentence(describeFault(cause))} Its message is not shown because it could contain a token.`;
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
  const { code, answered } = databaseFault(error);
  if (code === undefined) return `unexpected ${kindOfThrown(error)}${placeOf(error)}`;
  return answered ? `the database reported ${code}. ${meaningOf(code)}` : meaningOf(code);
}

/** The class, as it stands in somebody's code, and a code of the system: `name` and `code` can be set to any text. */
function kindOfThrown(error: unknown): string {
  if (!(error instanceof Error)) return typeof error;
  const { name } = Object.getPrototypeOf(error).constructor;
  const code = 'code' in error && Object.keys(constants.errno).find((known) => known === error.code);
  return `${/^\w+Error$/.test(name) ? name : 'Error'}${code ? ` (${code})` : ''}`;
}

/** `    at name (file:///path:1:2)`: the name of a function may have been computed. */
const FRAME = /^\s+at (?:.*? \(|async )?(.+:\d{1,7}:\d{1,7})\)?$/;

/**
 * Where in the code it happened: enough for a bug report, and free of values, unlike the message. A message can imitate
 * a line of the stack, so only a file that exists is named.
 */
function placeOf(error: unknown): string {
  const stack = error instanceof Error ? String(error.stack ?? '') : '';
  const places = stack.split('\n').flatMap((line) => placeOfFrame(FRAME.exec(line)?.[1] ?? ''));
  // In the code that called a library, rather than in the library.
  const place = places.find((each) => !each.includes('node_modules')) ?? places[0];
  return place === undefined ? '' : ` at ${place}`;
}

/** Code that was compiled on the way has all of itself in its address, and the file that it was, with a mark of tsx. */
const COMPILED = /^data:.*[?&]filePath=([^&:]*)/;

/** @returns `/path/to/file.ts:1:2`, without the position where it is that of compiled code; nothing where there is no such file */
function placeOfFrame(location: string): string[] {
  const [, address = '', position = ''] = /^(.*?)(:\d+:\d+)$/.exec(location) ?? [];
  try {
    const compiled = COMPILED.exec(address)?.[1];
    if (compiled !== undefined) return existing(decodeURIComponent(compiled).replace(/\?namespace=.*$/, ''));
    return existing(address.startsWith('file:') ? fileURLToPath(address) : address).map((file) => file + position);
  } catch {
    return []; // not an address
  }
}

function existing(file: string): string[] {
  return existsSync(file) ? [file] : [];
}
