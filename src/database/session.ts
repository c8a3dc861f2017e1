import { CONNECTION_TIMEOUT_MS, type Database, labelAs, type Queryable } from './database.ts';
import { type Gate, openGate } from './gate.ts';
import { raw, Sql, sql } from './sql.ts';

/** Time limit of a statement that blocks no one, in milliseconds: shorter than the limit of the server's silence. */
export const STATEMENT_TIMEOUT_MS = 100_000;

/** The limits of a transaction, each in milliseconds. */
export interface Limits {
  /** Limit for each lock; 0: that of the statement. @default 0 */
  lockTimeoutMs?: number;
  /** @default STATEMENT_TIMEOUT_MS */
  statementTimeoutMs?: number;
  /** Limit of the client's silence between two statements. @default STATEMENT_TIMEOUT_MS */
  silentClientMs?: number;
}

/**
 * Sets limits for the rest of a transaction, and has names quoted only where they need it. This holds whatever the role,
 * the database or the server is set to, and also where a pooler lends the connection for no longer than a transaction.
 */
export async function setLimits(transaction: Queryable, limits: Limits = {}): Promise<void> {
  await transaction.$queryRaw`SELECT ${limitSettings(limits)}`;
}

/** The same as a list of expressions, for a SELECT that sets more. */
export function limitSettings({
  lockTimeoutMs = 0,
  statementTimeoutMs = STATEMENT_TIMEOUT_MS,
  silentClientMs = STATEMENT_TIMEOUT_MS,
}: Limits): Sql {
  return sql`set_config('lock_timeout', ${`${lockTimeoutMs}ms`}, true),
    set_config('statement_timeout', ${`${statementTimeoutMs}ms`}, true),
    set_config('idle_in_transaction_session_timeout', ${`${silentClientMs}ms`}, true),
    set_config('quote_all_identifiers', 'off', true), ${NO_TRANSACTION_TIMEOUT}`;
}

/** PostgreSQL 17 and later can end whole transactions; older ones do not know the setting. */
const NO_TRANSACTION_TIMEOUT = raw(`(
  SELECT set_config('transaction_timeout', '0', true) WHERE current_setting('server_version_num')::int >= 170000)`);

/**
 * Puts statements together before the client sees them. A project may have another copy of Prisma's runtime than this
 * package; its client takes a piece of SQL that is of our copy for a value.
 */
export function composing<Client extends Queryable>(client: Client): Client {
  return new Proxy(client, {
    get(target, name) {
      if (name !== '$queryRaw' && name !== '$executeRaw') return Reflect.get(target, name);
      return (query: Statement, ...values: unknown[]) =>
        values.some((value) => value instanceof Sql) && !(query instanceof Sql)
          ? target[name](sql(query, ...values))
          : target[name](query, ...values);
    },
  });
}

type Statement = Parameters<Queryable['$queryRaw']>[0];

/** One for each database, so that what is known of one is known of the other. */
const sessions = new WeakMap<Database, Database>();

/**
 * The same database, such that a statement means and may do the same wherever it is run: each transaction, also that of
 * a single statement, is READ COMMITTED unless it asks for more, and each single statement has limits of our own.
 */
export function ownSession(database: Database): Database {
  const session = sessions.get(database) ?? startSession(database);
  sessions.set(database, session);
  sessions.set(session, session);
  return session;
}

const gates = new WeakMap<Database, Gate>();

/**
 * Limits the connections that a session uses at a time.
 *
 * @param session of `ownSession`
 * @param most how many, whenever that is asked
 */
export function limitConnections(session: Database, most: () => number): void {
  gates.get(session)?.limit(most);
}

function startSession(database: Database): Database {
  const gate = openGate();
  const $transaction: Database['$transaction'] = (run, options) =>
    gate.pass(() =>
      database.$transaction((transaction) => run(composing(transaction)), {
        isolationLevel: 'ReadCommitted',
        timeout: 2 * STATEMENT_TIMEOUT_MS,
        maxWait: CONNECTION_TIMEOUT_MS,
        ...options,
      }),
    );
  const single = <Result>(run: (transaction: Queryable) => Promise<Result>) =>
    $transaction(async (transaction) => {
      await setLimits(transaction);
      return run(transaction);
    });
  const session: Database = {
    $queryRaw: (query, ...values) => single((transaction) => transaction.$queryRaw(query, ...values)),
    $executeRaw: (query, ...values) => single((transaction) => transaction.$executeRaw(query, ...values)),
    $transaction,
    $disconnect: () => database.$disconnect(),
  };
  labelAs(database, session);
  gates.set(session, gate);
  return session;
}
