/**
 * The errors a caller can act on, and one way to describe any error without giving away what is in the database.
 *
 * Exit codes are no business of this file: `scripts/cli/exit-code.ts` maps them once.
 */

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

/** What can be read off an error of Prisma, of its driver adapter or of node-postgres. */
interface DatabaseFault {
  /** SQLSTATE (five characters), the driver adapter's kind (DatabaseNotReachable) or Prisma's own code (P2028). */
  code: string | undefined;
  /** The server's primary message; never its DETAIL, HINT or query. */
  message: string | undefined;
}

/**
 * What PostgreSQL itself says without quoting a column's value. Any other message is withheld, whatever its SQLSTATE:
 * a trigger may raise one under any code, with a token in it.
 */
const MESSAGES_WITHOUT_DATA =
  /^(syntax error at |permission denied for |password authentication failed for |no pg_hba\.conf entry for |(database|role|schema|relation|column|function|type) .* does not exist$|canceling |deadlock detected$|could not serialize access|terminating connection|sorry, too many clients|the database system is )/;

/** What the server answers when DATABASE_URL, the schema or the privileges are wrong, and what to do about it. */
const CONFIGURATION_FAULTS: Record<string, string> = {
  '28P01': 'The user name or password in DATABASE_URL is wrong.',
  '28000': 'The server does not let this user in: check DATABASE_URL and pg_hba.conf.',
  '3D000': 'Check the database name in DATABASE_URL.',
  '42P01': 'Run `npx prisma migrate deploy` first.',
  '42703': 'The table is not the one this version expects: run `npx prisma migrate deploy` first.',
  '42501':
    'The user of DATABASE_URL needs SELECT and UPDATE on tickets, and SELECT, INSERT and UPDATE on rotation_checkpoints.',
};

/** What to do about other SQLSTATEs, by code or by class (its first two characters). */
const SERVER_FAULTS: Record<string, string> = {
  '25006': 'The database is read-only. Is DATABASE_URL a replica?',
  '40P01': 'A deadlock with another session was broken by ending this batch.',
  '22': 'A value was refused. It is not shown, since it could be a token.',
  '23': 'A constraint refused the change.',
  P0: 'A trigger refused the change. What it said is not shown, since it could hold a token.',
};

/** What goes wrong before or without the server's answer: kinds of the driver adapter, codes of Prisma. */
const CONNECTION_FAULTS: Record<string, string> = {
  DatabaseNotReachable:
    'the database server cannot be reached. Is PostgreSQL running, and are host and port in DATABASE_URL right?',
  ConnectionTimeout:
    'the database server does not answer in time. Check host, port and firewall, and its free connections.',
  SocketTimeout: 'the database server does not answer in time. Check host, port and firewall.',
  ConnectionClosed: 'the connection to the database was lost.',
  TlsConnectionError: 'no encrypted connection to the database could be made. Check sslmode in DATABASE_URL.',
  P2028: 'a transaction took longer than it may; it was rolled back.',
};

/** Whether the database refused because of DATABASE_URL, the schema or the privileges, and not for the moment only. */
export function isConfigurationFault(error: unknown): boolean {
  const { code } = databaseFault(error);
  return code !== undefined && code in CONFIGURATION_FAULTS;
}

/**
 * One line about any error, safe to print, log or store: it never holds a token, a row's value or a password.
 *
 * @param error what was thrown, of whatever kind
 */
export function describeError(error: unknown): string {
  if (
    error instanceof ConfigurationError ||
    error instanceof HeldByAnotherProcessError ||
    error instanceof OvertakenError
  ) {
    return error.message;
  }
  const { code, message } = databaseFault(error);
  if (code === undefined) {
    return `unexpected ${error instanceof Error ? error.name : typeof error}${firstStackFrame(error)}`;
  }
  if (CONNECTION_FAULTS[code]) return CONNECTION_FAULTS[code];
  const safeMessage = message && MESSAGES_WITHOUT_DATA.test(message) ? `: ${message}` : '';
  const advice = CONFIGURATION_FAULTS[code] ?? SERVER_FAULTS[code] ?? SERVER_FAULTS[code.slice(0, 2)];
  return `the database reported ${code}${safeMessage}.${advice ? ` ${advice}` : ''}`;
}

/**
 * The code and the primary message of a database error, found wherever the layers above have put it: Prisma keeps
 * what the driver adapter threw in `meta.driverAdapterError`, the adapter keeps the server's answer in `cause`.
 */
function databaseFault(error: unknown): DatabaseFault {
  const chain = causes(error);
  const innermost = (name: string) => chain.map((cause) => stringField(cause, name)).findLast(Boolean);
  return {
    code: innermost('originalCode') ?? innermost('kind') ?? innermost('code') ?? wordsOfDriver(chain),
    message: innermost('originalMessage'),
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

/** Where in the code it happened: enough for a bug report, and free of values, unlike the message. */
function firstStackFrame(error: unknown): string {
  const frame = error instanceof Error ? error.stack?.split('\n').find((line) => /^\s+at /.test(line)) : undefined;
  return frame ? ` ${frame.trim()}` : '';
}
