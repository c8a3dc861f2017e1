import { PrismaClient } from '../../src/generated/prisma/client.ts';
import { openDatabase } from '../../src/index.ts';

/** A pool of connections to a database that has this package's own tickets in it. */
export type TicketDatabase = PrismaClient;

/** @param url a PostgreSQL URL */
export function openTicketDatabase(url: string, options: Parameters<typeof openDatabase>[2] = {}): TicketDatabase {
  return openDatabase(PrismaClient, url, options);
}
