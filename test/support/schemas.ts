import type { TicketDatabase } from '../../scripts/support/ticket-database.ts';

/** Adds a schema with the same tables, and the first ten tickets in it. */
export async function addSchema(database: TicketDatabase, name: string): Promise<void> {
  await database.$executeRawUnsafe(`CREATE SCHEMA "${name}"`);
  for (const table of ['tickets', 'rotations', 'rotation_checkpoints', 'condemned_tokens']) {
    await database.$executeRawUnsafe(`CREATE TABLE "${name}".${table} (LIKE public.${table} INCLUDING ALL)`);
  }
  await database.$executeRawUnsafe(`INSERT INTO "${name}".tickets SELECT * FROM public.tickets WHERE id <= 10`);
}
