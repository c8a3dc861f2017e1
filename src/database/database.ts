import { Socket } from 'node:net';
import { PrismaPg } from '@prisma/adapter-pg';
import type { Sql } from './sql.ts';
import { databaseLabel, schemaOf } from './url.ts';

/** A connection to the database, or a transaction on it: what a rotation needs of any generated Prisma client. */
export interface Queryable {
  $queryRaw<Result = unknown>(query: TemplateStringsArray | Sql, ...values: unknown[]): Promise<Result>;
  $executeRaw(query: TemplateStringsArray | Sql, ...values: unknown[]): Promise<number>;
}

/** A pool of connections to the database that holds the target's table and the checkpoints. */
export interface Database extends Queryable {
  $transaction<Result>(
    run: (transaction: Queryable) => Promise<Result>,
    options?: { maxWait?: number; timeout?: number; isolationLevel?: 'ReadCommitted' | 'RepeatableRead' },
  ): Promise<Result>;
  $disconnect(): Promise<void>;
}

/** The class that `prisma generate` makes. */
export type ClientConstructor<Client> = new (options: {
  adapter: PrismaPg;
  comments: (() => Record<string, string | undefined>)[];
  errorFormat: 'minimal';
}) => Client;

/** Time limit of the wait for a connection, in milliseconds. */
export const CONNECTION_TIMEOUT_MS = 10_000;

/** Time limit of the server's silence while it owes an answer, in milliseconds. */
const SILENT_SERVER_MS = 120_000;

/** Age at which a connection is replaced, in seconds, so that none clings to the old server after a failover. */
const MAX_CONNECTION_AGE_S = 60;

/** Name in `pg_stat_activity`. */
const APPLICATION = 'rotate-tokens';

/** Options of a pool. */
export interface DatabaseOptions {
  /** The most connections to hold at a time. @default 2 */
  connections?: number;
  /** Its name is put into a comment of every statement, for whoever looks at the server's activity. */
  rotation?: string;
  /** After this many milliseconds of silence a connection counts as dead. @default 120,000 */
  silentServerMs?: number;
}

/**
 * Opens a pool. Nothing is sent before the first query; call `$disconnect` at the end.
 *
 * @param PrismaClient a generated client's class
 * @param url a PostgreSQL URL; `?schema=` chooses the schema, as it does for every Prisma command
 */
export function openDatabase<Client extends Database>(
  PrismaClient: ClientConstructor<Client>,
  url: string,
  { connections = 2, rotation, silentServerMs = SILENT_SERVER_MS }: DatabaseOptions = {},
): Client {
  const pool = {
    connectionString: url,
    application_name: APPLICATION,
    max: connections,
    connectionTimeoutMillis: CONNECTION_TIMEOUT_MS,
    maxLifetimeSeconds: MAX_CONNECTION_AGE_S,
    stream: () => socketThatNotices(silentServerMs),
  };
  const adapter = new PrismaPg(pool, {
    schema: schemaOf(url),
    // A pooled connection that breaks while idle is replaced by the next query; nothing is lost by not listening.
    onPoolError: () => {},
  });
  const comments = [() => ({ application: APPLICATION, rotation })];
  const database = new PrismaClient({ adapter, comments, errorFormat: 'minimal' });
  labels.set(database, databaseLabel(url));
  return database;
}

const labels = new WeakMap<Database, string>();

/** Has another object stand for the same database. */
export function labelAs(original: Database, other: Database): void {
  const label = labels.get(original);
  if (label !== undefined) labels.set(other, label);
}

/** The `databaseLabel` of a database that `openDatabase` has opened. */
export function labelOf(database: Database): string | undefined {
  return labels.get(database);
}

/** Without this, a server or network that vanishes silently holds a client until TCP gives up after 15 minutes. */
function socketThatNotices(silentMs: number): Socket {
  const socket = new Socket();
  const error = Object.assign(new Error('the server stopped answering'), { code: 'ETIMEDOUT' });
  return socket.setTimeout(silentMs, () => socket.destroy(error));
}
