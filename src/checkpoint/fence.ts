import type { RecordTables } from '../config/record-tables.ts';
import type { Target } from '../config/target.ts';
import type { Queryable } from '../database/database.ts';
import { firesRowTriggers } from '../database/row-triggers.ts';
import { type Sql, sql } from '../database/sql.ts';
import { OvertakenError } from '../errors/errors.ts';
import { type Checkpoint, isSwept, type Key } from './checkpoints.ts';
import { claimExpiry } from './claims.ts';

/**
 * The fence. Locks the partition's row for the rest of the transaction, provided that it is still where this process
 * left it and still this process's own.
 *
 * @returns the server process that the transaction runs in, and whether a trigger fires for each row that it updates
 * @throws OvertakenError when it is not; the transaction must be rolled back
 */
export async function lockCheckpoint(
  transaction: Queryable,
  target: Target,
  checkpoint: Checkpoint,
): Promise<{ pid: number; firesTriggers: boolean }> {
  const [locked] = await transaction.$queryRaw<{ pid: number; firesTriggers: boolean }[]>`
    SELECT pg_backend_pid() AS pid, ${firesRowTriggers(target)} AS "firesTriggers"
    FROM ${target.records.checkpoints} WHERE ${unchangedSince(checkpoint)} FOR NO KEY UPDATE`;
  if (locked === undefined) throw new OvertakenError(checkpoint.rotation, checkpoint.partition);
  return locked;
}

/** Result of a batch. */
export interface Advance {
  /** The last key of the batch; the partition's upper bound when nothing is left behind it. */
  cursor: Key | null;
  /** Number of rows that the batch rotated. */
  rows: number;
  /** All rows set aside after the batch. */
  setAside: Checkpoint['setAside'];
}

/** True if the partition is complete once it has advanced so far. */
export function completes({ upperBound }: Checkpoint, { cursor, setAside }: Advance): boolean {
  return isSwept({ cursor, upperBound }) && Object.keys(setAside).length === 0;
}

/**
 * Moves the checkpoint from where this process read it (compare and set), and renews its claim, or ends it when the
 * partition is complete.
 *
 * @returns the checkpoint after the move; it holds once the transaction has committed
 * @throws OvertakenError when the checkpoint is not where this process left it
 */
export async function advanceCheckpoint(
  transaction: Queryable,
  tables: RecordTables,
  checkpoint: Checkpoint,
  advance: Advance,
): Promise<Checkpoint> {
  const { cursor, rows, setAside } = advance;
  const complete = completes(checkpoint, advance);
  const moved = await transaction.$queryRaw<{ completedAtMs: number | null }[]>`
    UPDATE ${tables.checkpoints}
    SET cursor = ${cursor}, rows_rotated = rows_rotated + ${rows},
        set_aside = ${JSON.stringify(setAside)}::jsonb,
        updated_at = clock_timestamp(),
        completed_at = CASE WHEN ${complete} THEN clock_timestamp() END,
        claimed_by = CASE WHEN NOT ${complete} THEN claimed_by END,
        claimed_since = CASE WHEN NOT ${complete} THEN claimed_since END,
        claimed_until = CASE WHEN NOT ${complete} THEN ${claimExpiry()} END
    WHERE ${unchangedSince(checkpoint)}
    RETURNING (extract(epoch FROM completed_at) * 1000)::float8 AS "completedAtMs"`;
  const [row] = moved;
  if (row === undefined) throw new OvertakenError(checkpoint.rotation, checkpoint.partition);
  const rowsRotated = checkpoint.rowsRotated + BigInt(rows);
  const completedAt = row.completedAtMs === null ? null : new Date(row.completedAtMs);
  return { ...checkpoint, cursor, rowsRotated, setAside, completedAt };
}

/** The condition that no other process has moved, claimed or completed the partition. */
function unchangedSince({ rotation, partition, cursor, setAside, claimedBy }: Checkpoint): Sql {
  return sql`rotation = ${rotation} AND partition = ${partition} AND claimed_by = ${claimedBy}
    AND cursor IS NOT DISTINCT FROM ${cursor}
    AND set_aside = ${JSON.stringify(setAside)}::jsonb AND completed_at IS NULL`;
}
