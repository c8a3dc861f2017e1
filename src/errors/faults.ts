/** Finds the fault in an error, wherever the layers above the database have put it. */

import { type FaultKind, isNamedFault, kindOf } from './fault-table.ts';

export function faultKind(error: unknown): FaultKind {
  return kindOf(databaseFault(error).code);
}

/** @returns the SQLSTATE, or the name that the driver adapter, Node or Prisma give the fault; undefined if it has none */
export function faultCode(error: unknown): string | undefined {
  return databaseFault(error).code;
}

/** @returns true if single rows seem to be the cause, rather than the whole database */
export function concernsRows(error: unknown): boolean {
  return ['contended', 'refused'].includes(faultKind(error));
}

/** The part of an error of Prisma, its driver adapter or node-postgres that is safe to show. */
export interface DatabaseFault {
  /**
   * SQLSTATE (five characters, too few for a token), or a name in `fault-table.ts`: the driver adapter's
   * (DatabaseNotReachable), Node's (ECONNRESET) or Prisma's (P2028). Another code could be any text, so it is left out.
   */
  code: string | undefined;
  /** True if the code is an SQLSTATE that the server answered. */
  answered: boolean;
}

const SQLSTATE = /^[0-9A-Z]{5}$/;

/** SQLSTATE with which PgBouncer reports whatever goes wrong in itself. */
const POOLER_ERROR = '08P01';

/**
 * The code of a database error, found wherever the layers above have put it: Prisma keeps what the driver adapter threw
 * in `meta.driverAdapterError`, the adapter keeps the server's answer in `cause`.
 */
export function databaseFault(error: unknown): DatabaseFault {
  const chain = causes(error);
  const innermost = (name: string, isKnown: (code: string) => boolean) =>
    chain.map((cause) => stringField(cause, name)).findLast((value) => value !== undefined && isKnown(value));
  const sqlState = innermost('originalCode', (code) => SQLSTATE.test(code)) ?? sqlStateOfDriver(chain);
  if (sqlState === POOLER_ERROR && isPoolerNotReady(chain)) return { code: 'PoolerNotReady', answered: false };
  if (sqlState !== undefined) return { code: sqlState, answered: true };
  const code =
    wordsOfDriver(chain) ?? wordsOfTls(chain) ?? innermost('kind', isNamedFault) ?? innermost('code', isNamedFault);
  return { code, answered: false };
}

/** node-postgres itself, which afterBatch may use, keeps the SQLSTATE in `code`, beside the severity. */
function sqlStateOfDriver(chain: object[]): string | undefined {
  const answer = chain.findLast((cause) => stringField(cause, 'severity') !== undefined);
  const code = answer && stringField(answer, 'code');
  return code !== undefined && SQLSTATE.test(code) ? code : undefined;
}

/** The words only decide whether to retry. They are never shown, so a trigger that imitates them gains nothing. */
function isPoolerNotReady(chain: object[]): boolean {
  const words = chain.map((cause) => stringField(cause, 'originalMessage')).join('\n');
  if (/startup parameter/i.test(words)) return false; // such as statement_timeout
  return /timeout|server conn|cannot connect|login|shut|no more connections|too many|closed/i.test(words);
}

/** Names faults that node-postgres reports in words only. */
function wordsOfDriver(chain: object[]): string | undefined {
  const words = chain.map((cause) => stringField(cause, 'message')).join('\n');
  if (/timeout exceeded when trying to connect|due to connection timeout/.test(words)) return 'ConnectionTimeout';
  return /Connection terminated|Connection ended|connection error and is not queryable/.test(words)
    ? 'ConnectionClosed'
    : undefined;
}

/** Names what is wrong with an encrypted connection: the driver adapter keeps only the words of the driver and of OpenSSL. */
function wordsOfTls(chain: object[]): string | undefined {
  const failed = chain.findLast((cause) => stringField(cause, 'kind') === 'TlsConnectionError');
  const words = (failed && stringField(failed, 'reason')) ?? '';
  if (/does not support SSL/.test(words)) return 'TlsNotOffered';
  if (/altnames/.test(words)) return 'TlsWrongHost';
  if (/expired|not yet valid/.test(words)) return 'TlsExpired';
  return /self.signed|issuer|verify the first|untrusted/.test(words) ? 'TlsUntrusted' : undefined;
}

/** The error, then what it wraps, outermost first. */
function causes(error: unknown): object[] {
  const chain: object[] = [];
  let current = error;
  while (typeof current === 'object' && current !== null && !chain.includes(current)) {
    chain.push(current);
    current = field(field(current, 'meta'), 'driverAdapterError') ?? field(current, 'cause');
  }
  return chain;
}

function field(holder: unknown, name: string): unknown {
  return typeof holder === 'object' && holder !== null ? (holder as Record<string, unknown>)[name] : undefined;
}

function stringField(holder: object, name: string): string | undefined {
  const value = field(holder, name);
  return typeof value === 'string' && value !== '' ? value : undefined;
}
