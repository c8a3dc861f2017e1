/**
 * The errors a caller can act on, and one way to describe any error without giving away what is in the database.
 *
 * Exit codes are no business of this file: `scripts/cli/exit-code.ts` maps them once.
 */

/** An option, the environment or the database's state is not what a rotation needs. Nothing was written. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
}

/** Another live process holds the rotation. Nothing was written. */
export class HeldByAnotherProcessError extends Error {
  override readonly name = 'HeldByAnotherProcessError';
  readonly rotation: string;
  /** The holder as `host:pid:nonce`. */
  readonly holder: string | null;

  constructor(rotation: string, holder: string | null) {
    super(
      `rotation '${rotation}' is being run by another process${holder ? ` (${holder})` : ''}. This one changed nothing.`,
    );
    this.rotation = rotation;
    this.holder = holder;
  }
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

/** By code, or by the class of the SQLSTATE (its first two characters). */
const OTHER_FAULTS: Record<string, string> = {
  DatabaseNotReachable: 'Is PostgreSQL running, and are host and port in DATABASE_URL right?',
  SocketTimeout: 'The server does not answer: check host, port and firewall.',
  ETIMEDOUT: 'The server does not answer: check host, port and firewall.',
  TlsConnectionError: 'No encrypted connection could be made: check sslmode in DATABASE_URL.',
  P2028: 'A transaction took longer than it may; it was rolled back.',
  '22': 'A value was refused. It is not shown, since it could be a token.',
  '23': 'A constraint refused the change.',
  P0: 'A trigger refused the change. What it said is not shown, since it could hold a token.',
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
  const safeMessage = message && MESSAGES_WITHOUT_DATA.test(message) ? `: ${message}` : '';
  const advice = CONFIGURATION_FAULTS[code] ?? OTHER_FAULTS[code] ?? OTHER_FAULTS[code.slice(0, 2)];
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
    code: innermost('originalCode') ?? innermost('kind') ?? innermost('code') ?? poolTimeout(chain),
    message: innermost('originalMessage'),
  };
}

/** The pool says in words only that no connection could be had in time. */
function poolTimeout(chain: object[]): string | undefined {
  const messages = chain.map((cause) => stringField(cause, 'message') ?? '');
  return messages.some((message) => /timeout exceeded when trying to connect|due to connection timeout/.test(message))
    ? 'ETIMEDOUT'
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
