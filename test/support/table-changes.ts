import type { TicketDatabase } from '../../scripts/support/ticket-database.ts';
import { until } from './until.ts';

/** A table whose tokens are rotated, in the words of SQL. */
export interface RotatedTable {
  /** Its name. */
  table: string;
  /** Its key as text, of a row called `target`. */
  key: string;
  /** The column with the tokens. */
  token: string;
}

/** Has PostgreSQL itself write down each change of a token that commits. Call it once for a table. */
export async function recordChanges(database: TicketDatabase, { table, key, token }: RotatedTable): Promise<void> {
  for (const statement of [
    'CREATE TABLE IF NOT EXISTS public.changes (key text NOT NULL)',
    'TRUNCATE public.changes',
    `CREATE OR REPLACE FUNCTION public.record_change() RETURNS trigger LANGUAGE plpgsql AS $$
     DECLARE target record;
     BEGIN target := NEW; INSERT INTO public.changes VALUES (${key}); RETURN NULL; END $$`,
    `CREATE TRIGGER record_change AFTER UPDATE OF ${token} ON ${table} FOR EACH ROW EXECUTE FUNCTION public.record_change()`,
  ]) {
    await database.$executeRawUnsafe(statement);
  }
}

/** How many rows that meet a condition were changed how many times. */
export function changesPerRow(
  database: TicketDatabase,
  { table, key }: RotatedTable,
  condition: string,
): Promise<unknown> {
  return database.$queryRawUnsafe(`
    SELECT changes, count(*)::int AS rows FROM (
      SELECT count(changes.key)::int AS changes FROM ${table} AS target LEFT JOIN public.changes ON changes.key = ${key}
      WHERE ${condition} GROUP BY ${key}
    ) AS counted GROUP BY changes`);
}

export function untilSomeAreRotated(database: TicketDatabase): Promise<void> {
  return until(async () => {
    const { _sum } = await database.rotationCheckpoint.aggregate({ _sum: { rowsRotated: true } });
    return _sum.rowsRotated !== null && _sum.rowsRotated > 0n;
  });
}
