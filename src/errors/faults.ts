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

type Fault = readonly [FaultKind, string];

/**
 * A sentence of our own for each class of SQLSTATE (the first two characters) in PostgreSQL's manual, appendix A. Any
 * trigger or function may raise any of them, so no sentence takes its cause for certain.
 */
const FAULT_CLASSES: Readonly<Record<string, Fault>> = {
  '00': ['unknown', 'The server reported success as an error.'],
  '01': ['unknown', 'The server raised a warning as an error.'],
  '02': ['unknown', 'A query found no data where a function or trigger needs some.'],
  '03': ['unknown', 'The server has not completed the statement yet.'],
  '08': ['passing', 'The connection to the database failed.'],
  '09': ['unknown', 'An action of a trigger failed.'],
  '0A': ['unknown', 'The server does not support what it was asked for. Check its version.'],
  '0B': ['unknown', 'A transaction could not be started.'],
  '0F': ['unknown', 'A large object was used in a way that is not valid.'],
  '0L': ['unknown', 'A privilege was granted by a role that may not grant it.'],
  '0P': [
    'unknown',
    'A role does not exist or cannot be used. Check the triggers on the target for a role that they set.',
  ],
  '0Z': ['unknown', 'A function or trigger asked for diagnostics outside an exception handler.'],
  '10': ['unknown', 'The server could not process an XML query.'],
  '20': ['unknown', 'No branch of a CASE statement matched, in a function or trigger.'],
  '21': ['unknown', 'A query returned a number of rows or columns that its caller cannot take.'],
  '22': ['refused', 'The server rejected a value. The value is not shown because it could be a token.'],
  '23': ['refused', 'A constraint rejected the change. The server log names it.'],
  '24': ['unknown', 'A database cursor was not in the right state.'],
  '25': ['unknown', 'A transaction was not in the right state for a statement.'],
  '26': ['unknown', 'A prepared statement does not exist. If a connection pooler is in between, check its pool mode.'],
  '27': ['refused', 'A trigger interfered with the change.'],
  '28': ['misconfigured', 'The server does not let this user in. Check DATABASE_URL and pg_hba.conf.'],
  '2B': ['unknown', 'Other privileges depend on one that was to be removed.'],
  '2D': ['unknown', 'A function or trigger tried to end the transaction.'],
  '2F': ['unknown', 'A function or trigger broke a rule for SQL routines.'],
  '34': ['unknown', 'A database cursor has no valid name.'],
  '38': ['unknown', 'A function outside SQL reported an error.'],
  '39': ['unknown', 'A function outside SQL was called in the wrong way.'],
  '3B': ['unknown', 'A savepoint does not exist or is not valid.'],
  '3D': ['misconfigured', 'A database does not exist. Check the database name in DATABASE_URL.'],
  '3F': ['unknown', 'A schema does not exist. Check ?schema= in DATABASE_URL, then the triggers on the target.'],
  '40': ['unknown', 'The server rolled the transaction back.'],
  '42': [
    'unknown',
    'The server rejected a statement: its syntax, a name in it, or a type. Check the triggers on the target.',
  ],
  '44': ['refused', 'A view rejected the change (WITH CHECK OPTION).'],
  '53': ['passing', 'The server is out of resources.'],
  '54': ['unknown', 'A statement exceeded a limit of the server.'],
  '55': ['unknown', 'An object is not in the state that a statement needs.'],
  '57': ['unknown', 'The server, or somebody who administers it, intervened.'],
  '58': ['unknown', 'The server met an error of its operating system. Check its log and its disk.'],
  '72': ['unknown', 'A snapshot became too old.'],
  F0: ['unknown', "The server's configuration file has an error."],
  HV: ['unknown', 'A foreign data wrapper reported an error. Check the foreign server that it connects to.'],
  P0: [
    'refused',
    'A trigger or function rejected the change. Its message is not shown because it could contain a token; see the server log.',
  ],
  XX: ['unknown', 'The server reported an internal error. Check its log.'],
};

/** Any other code of five characters. */
const UNDEFINED_SQLSTATE: Fault = [
  'unknown',
  'PostgreSQL does not define this code, so a trigger, a function or an extension raised it.',
];

/** SQLSTATEs for which there is more to say than for their class. */
const SQLSTATES: Readonly<Record<string, Fault>> = {
  // The server is away, or about to be.
  '57P01': ['passing', 'The server, or somebody who administers it, ended the connection.'],
  '57P02': ['passing', 'The server is recovering from a crash.'],
  '57P03': ['passing', 'The server is starting up or shutting down.'],
  '57P05': ['passing', 'The server closed an idle connection.'],
  '25P03': [
    'passing',
    'This process was silent in the middle of a batch for too long, so the server released its locks.',
  ],
  '25006': ['passing', 'The database is read-only. Is DATABASE_URL a replica, or is a failover going on?'],
  // The server has too little of something.
  '53100': ['passing', "The server's disk is full. Free some space; nothing is lost."],
  '53200': ['passing', 'The server is out of memory.'],
  '53300': ['passing', 'The server has no connection left.'],
  // The rows are wanted by others at the same time.
  '40001': ['contended', 'Another transaction changed the same rows.'],
  '40P01': ['contended', 'The server ended this batch to break a deadlock with another session.'],
  '55P03': [
    'contended',
    'Another session holds a lock on a row or on the table. End that session, or have batches wait longer with --lock-timeout-ms.',
  ],
  '57014': [
    'contended',
    'A statement timed out or was canceled. If it needs longer in a batch, raise --statement-timeout-ms.',
  ],
  '25P04': ['contended', 'A transaction exceeded the transaction_timeout of the server.'],
  // Something in the database does not want the change.
  '23502': ['refused', 'A column that must not be null would be null. The server log names it.'],
  '23503': ['refused', 'A foreign key rejected the change. The server log names it.'],
  '23505': ['refused', 'A unique constraint or index rejected the change. The server log names it.'],
  '23514': ['refused', 'A check constraint rejected the change. The server log names it.'],
  // Somebody has to change something first.
  '08P01': [
    'misconfigured',
    'A connection pooler rejected the connection. Check that it knows the user and the database, and that it accepts ' +
      'the startup parameters: `options` comes from PGOPTIONS or from ?options= in DATABASE_URL.',
  ],
  '28P01': ['misconfigured', 'The user name or password in DATABASE_URL is wrong.'],
  '42P01': [
    'misconfigured',
    "A table does not exist. If it is rotation_checkpoints or the target's, run `npx prisma migrate deploy`; " +
      'otherwise fix the trigger or afterBatch that uses it.',
  ],
  '42703': [
    'misconfigured',
    'A column does not exist. If it is one of rotation_checkpoints or of the target, run `npx prisma migrate deploy`; ' +
      'otherwise fix the trigger or afterBatch that uses it.',
  ],
  '42883': [
    'unknown',
    'A function or operator does not exist. Check the triggers on the target and what afterBatch calls.',
  ],
  '42501': [
    'misconfigured',
    'A privilege is missing. The user of DATABASE_URL needs SELECT and UPDATE on the target, and SELECT, INSERT, UPDATE and ' +
      'DELETE on rotations, rotation_checkpoints and condemned_tokens; a trigger or afterBatch may need more.',
  ],
  '42601': ['unknown', 'The server found a syntax error in a statement. Check the triggers on the target.'],
};

/** What we, the driver adapter, node-postgres, Node and Prisma report without an answer of the server. */
const OTHER_FAULTS: Readonly<Record<string, Fault>> = {
  [NOT_TAKEN]: [
    'refused',
    'The row kept its token or got another one: a trigger changed the update or skipped the row.',
  ],
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
  PoolerNotReady: ['passing', 'the connection pooler has no connection to the database at the moment.'],
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
  return code === undefined ? 'unknown' : faultOf(code)[0];
}

/** A sentence of our own about a code; it says nothing that the server said. */
export function meaningOf(code: string): string {
  return faultOf(code)[1];
}

function faultOf(code: string): Fault {
  return own(OTHER_FAULTS, code) ?? own(SQLSTATES, code) ?? own(FAULT_CLASSES, code.slice(0, 2)) ?? UNDEFINED_SQLSTATE;
}

/** Not what every object has, such as `toString`. */
function own<Value>(record: Readonly<Record<string, Value>>, name: string): Value | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}

/** What can be read off an error of Prisma, of its driver adapter or of node-postgres, and be shown. */
export interface DatabaseFault {
  /**
   * SQLSTATE (five characters, too few for a token), or a name in the table above: the driver adapter's
   * (DatabaseNotReachable), Node's (ECONNRESET) or Prisma's (P2028). Any other code could be any text, and is left out.
   */
  code: string | undefined;
  /** Whether the code is an SQLSTATE, of an answer of the server. */
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
  const isKnown = (code: string) => Object.hasOwn(OTHER_FAULTS, code);
  return { code: wordsOfDriver(chain) ?? innermost('kind', isKnown) ?? innermost('code', isKnown), answered: false };
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
