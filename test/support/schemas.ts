import type { TicketDatabase } from '../../scripts/support/ticket-database.ts';
import { RECORD_TABLES } from '../../src/config/record-tables.ts';

/** Adds a schema with the same tables, and the first ten tickets in it. */
export async function addSchema(database: TicketDatabase, name: string): Promise<void> {
  await database.$executeRawUnsafe(`CREATE SCHEMA "${name}"`);
  for (const table of ['tickets', ...RECORD_TABLES]) {
    await database.$executeRawUnsafe(`CREATE TABLE "${name}".${table} (LIKE public.${table} INCLUDING ALL)`);
  }
  await database.$executeRawUnsafe(`INSERT INTO "${name}".tickets SELECT * FROM public.tickets WHERE id <= 10`);
}
