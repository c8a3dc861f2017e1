/** The faults between this process and the database: how a rotation responds to each, and a sentence about it. */

/** Code of a row that did not take its new token. The server reports no error for it, so no SQLSTATE fits. */
export const NOT_TAKEN = 'NOT_TAKEN';

/** The kind of a fault decides how a rotation responds to it. */
export type FaultKind =
  /** It passes by itself: retry later. */
  | 'passing'
  /** Others hold some of the rows: retry once, then with fewer rows until these are alone, then set them aside. */
  | 'contended'
  /** The database refuses some of the rows: isolate them as above; waiting would not help. */
  | 'refused'
  /** DATABASE_URL, the schema or the privileges are wrong and must be changed. */
  | 'misconfigured'
  /** No remedy is known. */
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
const TRANSACTION_ENDED = ['passing', 'a transaction exceeded its time limit and was rolled back.'] as const;

type Fault = readonly [FaultKind, string];

function faults(byCode: Record<string, Fault>): ReadonlyMap<string, Fault> {
  return new Map(Object.entries(byCode));
}

/**
 * Sentences for the classes of SQLSTATEs (the first two characters) in appendix A of PostgreSQL's manual. Any trigger or
 * function may raise any of them, so no sentence claims a cause.
 */
const FAULT_CLASSES = faults({
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
  '57': ['unknown', 'The server or its administrator intervened.'],
  '58': ['unknown', 'The server met an error of its operating system. Check its log and its disk.'],
  '72': ['unknown', 'A snapshot became too old.'],
  F0: ['unknown', "The server's configuration file has an error."],
  HV: ['unknown', 'A foreign data wrapper reported an error. Check the foreign server that it connects to.'],
  P0: [
    'refused',
    'A trigger or function rejected the change. Its message is not shown because it could contain a token; see the server log.',
  ],
  XX: ['unknown', 'The server reported an internal error. Check its log.'],
});

/** For any other code of five characters. */
const UNDEFINED_SQLSTATE: Fault = [
  'unknown',
  'PostgreSQL does not define this code, so a trigger, a function or an extension raised it.',
];

/** SQLSTATEs with a sentence that says more than that of their class. */
const SQLSTATES = faults({
  // The server is not available, or soon will not be.
  '57P01': ['passing', 'The server or its administrator ended the connection.'],
  '57P02': ['passing', 'The server is recovering from a crash.'],
  '57P03': ['passing', 'The server is starting up or shutting down.'],
  '57P05': ['passing', 'The server closed an idle connection.'],
  '25P03': [
    'passing',
    'This process was silent for too long in the middle of a batch, so the server ended its transaction.',
  ],
  '25006': ['passing', 'The database is read-only. Is DATABASE_URL a replica, or is a failover in progress?'],
  // The server lacks a resource.
  '53100': ['passing', "The server's disk is full. Free some space; nothing is lost."],
  '53200': ['passing', 'The server is out of memory.'],
  '53300': ['passing', 'The server has no connection left.'],
  // Other sessions want the same rows.
  '40001': ['contended', 'Another transaction changed the same rows.'],
  '40P01': ['contended', 'The server ended this batch to break a deadlock with another session.'],
  '55P03': [
    'contended',
    'Another session holds a lock on a row or on the table. End that session, or raise --lock-timeout-ms.',
  ],
  '57014': [
    'contended',
    'A statement timed out or was canceled. If it needs longer in a batch, raise --statement-timeout-ms.',
  ],
  '25P04': ['contended', 'A transaction exceeded the transaction_timeout of the server.'],
  // The database refuses the change.
  '23502': ['refused', 'A NOT NULL constraint rejected the change. The server log names it.'],
  '23503': ['refused', 'A foreign key rejected the change. The server log names it.'],
  '23505': ['refused', 'A unique constraint or index rejected the change. The server log names it.'],
  '23514': ['refused', 'A check constraint rejected the change. The server log names it.'],
  // Needs a change to the configuration.
  '08P01': [
    'misconfigured',
    'A connection pooler rejected the connection. Check that it knows the user and the database, and that it accepts ' +
      'the startup parameters: `options` comes from PGOPTIONS or from ?options= in DATABASE_URL.',
  ],
  '28P01': ['misconfigured', 'The user name or password in DATABASE_URL is wrong.'],
  '42P01': [
    'misconfigured',
    "A table does not exist. If it is one of this package's, run `npx rotate-tokens init`, or `npx prisma migrate deploy` " +
      'where your Prisma schema has its models; otherwise fix the trigger or afterBatch that uses it.',
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
      'DELETE on the tables of this package (rotations, rotation_…, condemned_tokens); a trigger or afterBatch may need more.',
  ],
  '42601': ['unknown', 'The server found a syntax error in a statement. Check the triggers on the target.'],
});

/** Faults that this package, the driver adapter, node-postgres, Node or Prisma report without an answer of the server. */
const OTHER_FAULTS = faults({
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
    'the connection to the database could not be encrypted. Check sslmode in DATABASE_URL.',
  ],
  TlsNotOffered: [
    'misconfigured',
    'the server does not offer TLS, which sslmode in DATABASE_URL asks for. Turn on ssl in the server, or connect with ' +
      'sslmode=disable.',
  ],
  TlsUntrusted: [
    'misconfigured',
    "this machine does not know the authority that signed the server's certificate. Name that authority's certificate in " +
      'sslrootcert of DATABASE_URL or in NODE_EXTRA_CA_CERTS; uselibpqcompat=true&sslmode=require encrypts without a check.',
  ],
  TlsWrongHost: [
    'misconfigured',
    "the server's certificate is for another host name. Connect by that name, or check the authority alone with " +
      'uselibpqcompat=true&sslmode=verify-ca and sslrootcert in DATABASE_URL.',
  ],
  TlsExpired: [
    'misconfigured',
    "the server's certificate has expired or is not valid yet. Renew it, and check the clock of this machine.",
  ],
});

export function kindOf(code: string | undefined): FaultKind {
  return code === undefined ? 'unknown' : faultOf(code)[0];
}

/** @returns a sentence about a code, which repeats nothing that the server said */
export function meaningOf(code: string): string {
  return faultOf(code)[1];
}

function faultOf(code: string): Fault {
  return OTHER_FAULTS.get(code) ?? SQLSTATES.get(code) ?? FAULT_CLASSES.get(code.slice(0, 2)) ?? UNDEFINED_SQLSTATE;
}

/** @returns true for a fault that is reported without an answer of the server, such as ECONNRESET */
export function isNamedFault(name: string): boolean {
  return OTHER_FAULTS.has(name);
}
