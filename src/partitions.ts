import type { PlannedPartition } from './checkpoint.ts';
import type { Database } from './database.ts';
import { TARGET } from './target.ts';

/** Tables up to this many rows are counted; counting more would delay the first batch, so the planner's estimate does. */
export const MAX_ROWS_COUNTED = 2_000_000;

/**
 * Plans a new rotation: everything up to the highest key there is now (the watermark). Rows that come later have
 * fresh tokens and stay out of it.
 *
 * @returns null when the table is empty
 */
export async function planPartition(
  database: Database,
  rotation: string,
  maxRowsCounted = MAX_ROWS_COUNTED,
): Promise<PlannedPartition | null> {
  const watermark = (await database.ticket.aggregate({ _max: { id: true } }))._max.id;
  if (watermark === null) return null;
  const whole = { rotation, partition: 0, target: TARGET, lowerBound: null, upperBound: watermark };
  return { ...whole, ...(await countRows(database, maxRowsCounted)) };
}

async function countRows(
  database: Database,
  maxRowsCounted: number,
): Promise<Pick<PlannedPartition, 'rowsTotal' | 'totalIsEstimate'>> {
  const [counted] = await database.$queryRaw<{ rows: bigint }[]>`
    SELECT count(*) AS rows FROM (SELECT FROM tickets LIMIT ${maxRowsCounted + 1}) AS first_rows`;
  const rows = counted?.rows ?? 0n;
  if (rows <= maxRowsCounted) return { rowsTotal: rows, totalIsEstimate: false };
  const [estimate] = await database.$queryRaw<{ rows: bigint }[]>`
    SELECT reltuples::bigint AS rows FROM pg_class WHERE oid = 'tickets'::regclass`;
  return { rowsTotal: estimate && estimate.rows > rows ? estimate.rows : rows, totalIsEstimate: true };
}
