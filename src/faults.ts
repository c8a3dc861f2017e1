/** What can go wrong between here and the database, and what is to be done about it. */

import { NOT_TAKEN } from './errors.ts';

/** What a fault is like, and so what a rotation does about it. */
export type FaultKind =
  /** It passes by itself: the same again, later. */
  | 'passing'
  /** Others hold some of the rows: once more, then with fewer rows until those are alone; they are tried again later. */
  | 'contended'
  /** Something in the database refuses some of the rows: isolated like the above, but waiting would not help. */
  | 'refused'
  /** DATABASE_URL, the schema or the privileges are wrong: somebody has to change them. */
  | 'misconfigured'
  /** Nothing is known to help. */
  | 'unknown';

const NOT_REACHABLE = [
  'passing',
  'the database server cannot be reached. Is PostgreSQL running, and are host and port in DATABASE_URL right?',
] as const;
const NO_ANSWER = [
  'passing',
  'the database server does not answer in time. Check host, port and firewall, and its free connections.',
] as const;
const CONNECTION_LOST = ['passing', 'the connection to the database was lost.'] as const;
const TRANSACTION_ENDED = ['passing', 'a transaction took longer than it may; it was rolled back.'] as const;

/**
 * All faults that are known, by SQLSTATE (PostgreSQL's manual, appendix A), by its class (the first two characters),
 * by the driver adapter's kind, by Node's code or by Prisma's: what it is like, and what it means.
 */
const FAULTS: Record<string, readonly [FaultKind, string]> = {
  // The server is away, or about to be.
  '08': ['passing', 'The connection to the database failed.'],
  '57P01': ['passing', 'The server, or somebody who administers it, ended the connection.'],
  '57P02': ['passing', 'The server is recovering from a crash.'],
  '57P03': ['passing', 'The server is starting up or shutting down.'],
  '57P05': ['passing', 'The connection stood idle for too long.'],
  '25P03': ['passing', 'This process stood still in the middle of a batch, so the server took its locks away.'],
  '25006': ['passing', 'The database is read-only. Is DATABASE_URL a replica, or is a failover going on?'],
  // The server has too little of something.
  '53': ['passing', 'The server is out of resources.'],
  '53100': ['passing', "The server's disk is full. Make room; nothing is lost."],
  '53200': ['passing', 'The server is out of memory.'],
  '53300': ['passing', 'The server has no connection left.'],
  // The rows are wanted by others at the same time.
  '40001': ['contended', 'Another transaction changed the same rows.'],
  '40P01': ['contended', 'A deadlock with another session was broken by ending this batch.'],
  '55P03': ['contended', 'Another session has locked a row or the table (see --lock-timeout-ms).'],
  '57014': [
    'contended',
    'The server ended a statement that took too long (see --statement-timeout-ms), or somebody did.',
  ],
  '25P04': ['contended', 'The server ended a transaction that took too long (its transaction_timeout).'],
  // Something in the database does not want the change.
  '22': ['refused', 'A value was refused. It is not shown, since it could be a token.'],
  '23': ['refused', 'A constraint refused the change.'],
  '27': ['refused', 'A trigger interfered with the change.'],
  '44': ['refused', 'A view refused the change (WITH CHECK OPTION).'],
  P0: ['refused', 'A trigger refused the change. What it said is not shown, since it could hold a token.'],
  [NOT_TAKEN]: [
    'refused',
    'The row did not take its new token: a trigger put another one in its place, or skipped the row.',
  ],
  // Somebody has to change something first.
  '28P01': ['misconfigured', 'The user name or password in DATABASE_URL is wrong.'],
  '28000': ['misconfigured', 'The server does not let this user in: check DATABASE_URL and pg_hba.conf.'],
  '3D000': ['misconfigured', 'Check the database name in DATABASE_URL.'],
  '42P01': [
    'misconfigured',
    'Run `npx prisma migrate deploy` first, if this is the right database; its schema needs the model RotationCheckpoint.',
  ],
  '42703': ['misconfigured', 'The table is not the one this version expects: run `npx prisma migrate deploy` first.'],
  '42501': [
    'misconfigured',
    'The user of DATABASE_URL needs SELECT and UPDATE on the target, SELECT, INSERT, UPDATE and DELETE on rotations, rotation_checkpoints and condemned_tokens, and what afterBatch needs.',
  ],
  // No answer of the server, so no SQLSTATE.
  DatabaseNotReachable: NOT_REACHABLE,
  ECONNREFUSED: NOT_REACHABLE,
  EHOSTUNREACH: NOT_REACHABLE,
  ENETUNREACH: NOT_REACHABLE,
  ENOTFOUND: NOT_REACHABLE,
  EAI_AGAIN: NOT_REACHABLE,
  P1001: NOT_REACHABLE,
  ConnectionTimeout: NO_ANSWER,
  SocketTimeout: NO_ANSWER,
  ETIMEDOUT: NO_ANSWER,
  P1002: NO_ANSWER,
  P1008: NO_ANSWER,
  P2024: NO_ANSWER,
  ConnectionClosed: CONNECTION_LOST,
  ECONNRESET: CONNECTION_LOST,
  ECONNABORTED: CONNECTION_LOST,
  EPIPE: CONNECTION_LOST,
  P1017: CONNECTION_LOST,
  P2028: TRANSACTION_ENDED,
  P2034: TRANSACTION_ENDED,
  TlsConnectionError: [
    'misconfigured',
    'no encrypted connection to the database could be made. Check sslmode in DATABASE_URL.',
  ],
};

export function faultKind(error: unknown): FaultKind {
  return kindOf(databaseFault(error).code);
}

/** Whether single rows are in the way, as far as is known, and not all of the database. */
export function concernsRows(error: unknown): boolean {
  return ['contended', 'refused'].includes(faultKind(error));
}

/** The code of a fault that has one: SQLSTATE, or what the driver adapter, Node or Prisma call it. */
export function faultCode(error: unknown): string | undefined {
  return databaseFault(error).code;
}

export function kindOf(code: string | undefined): FaultKind {
  return faultOf(code)?.[0] ?? 'unknown';
}

/** What a code means, in a sentence; nothing for one that is not known. */
export function meaningOf(code: string): string {
  return faultOf(code)?.[1] ?? '';
}

function faultOf(code: string | undefined): readonly [FaultKind, string] | undefined {
  return code === undefined ? undefined : (FAULTS[code] ?? FAULTS[code.slice(0, 2)]);
}

/** What can be read off an error of Prisma, of its driver adapter or of node-postgres. */
export interface DatabaseFault {
  /** SQLSTATE (five characters), the driver adapter's kind (DatabaseNotReachable) or Prisma's own code (P2028). */
  code: string | undefined;
  /** The server's primary message; never its DETAIL, HINT or query. */
  message: string | undefined;
  /** Whether the code is an SQLSTATE, of an answer of the server. */
  answered: boolean;
}

/**
 * The code and the primary message of a database error, found wherever the layers above have put it: Prisma keeps
 * what the driver adapter threw in `meta.driverAdapterError`, the adapter keeps the server's answer in `cause`.
 */
export function databaseFault(error: unknown): DatabaseFault {
  const chain = causes(error);
  const innermost = (name: string) => chain.map((cause) => stringField(cause, name)).findLast(Boolean);
  const sqlState = innermost('originalCode');
  return {
    code: sqlState ?? wordsOfDriver(chain) ?? innermost('kind') ?? innermost('code'),
    message: innermost('originalMessage'),
    answered: sqlState !== undefined,
  };
}

/** What node-postgres says in words only. */
function wordsOfDriver(chain: object[]): string | undefined {
  const words = chain.map((cause) => stringField(cause, 'message')).join('\n');
  if (/timeout exceeded when trying to connect|due to connection timeout/.test(words)) return 'ConnectionTimeout';
  return /Connection terminated|Connection ended|connection error and is not queryable/.test(words)
    ? 'ConnectionClosed'
    : undefined;
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
