import { PrismaPg } from '@prisma/adapter-pg';
import { type Prisma, PrismaClient } from './generated/prisma/client.ts';

/** A connection pool to the database that holds the tickets and the checkpoints. */
export type Database = PrismaClient;

/** The same, or a transaction on it. */
export type Queryable = Pick<Prisma.TransactionClient, '$queryRaw' | '$executeRaw'>;

/** How long to wait for a connection before giving up, in milliseconds. */
export const CONNECTION_TIMEOUT_MS = 10_000;

/** How long a connection may be silent before the other side is asked whether it is still there, in milliseconds. */
const KEEP_ALIVE_MS = 10_000;

/** What `pg_stat_activity` shows. */
const APPLICATION = 'rotate-tokens';

/**
 * Opens a pool. Nothing is sent before the first query; call `$disconnect` at the end.
 *
 * @param url a PostgreSQL URL; `?schema=` chooses the schema, as it does for every Prisma command
 * @param connections the most connections to hold at a time
 * @param rotation its name is put into a comment of every statement, for whoever looks at the server's activity
 */
export function openDatabase(url: string, connections = 2, rotation?: string): Database {
  const schema = new URL(url).searchParams.get('schema');
  const pool = {
    connectionString: url,
    application_name: APPLICATION,
    max: connections,
    connectionTimeoutMillis: CONNECTION_TIMEOUT_MS,
    keepAlive: true, // a server that vanished without a word is noticed
    keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
  };
  // Raw statements find their tables through the search path; Prisma's own name the schema.
  const adapter = new PrismaPg(schema ? { ...pool, options: `-c search_path=${schema}` } : pool, {
    ...(schema ? { schema } : {}),
    // A pooled connection that breaks while idle is replaced by the next query; nothing is lost by not listening.
    onPoolError: () => {},
  });
  const comments = [() => ({ application: APPLICATION, rotation })];
  return new PrismaClient({ adapter, comments, errorFormat: 'minimal' });
}

/** `host:port/database` of a PostgreSQL URL: what may be shown of it. */
export function databaseLabel(url: string): string {
  const { hostname, port, pathname } = new URL(url);
  return `${hostname || 'localhost'}:${port || 5432}${pathname}`;
}
