import { ageOfPlan, type CondemnedTokens } from '../checkpoint/condemned-tokens.ts';
import type { Target } from '../config/target.ts';
import type { Queryable } from '../database/database.ts';
import { rowTablesOf } from '../database/row-tables.ts';

/** A transaction with uncommitted changes of the table, older than the plan of the rotation. */
export interface OpenTransaction {
  /** Its server process; null for a prepared transaction. */
  pid: number | null;
}

/**
 * Finds the transactions that have written to the table, or may have, since before the rotation was planned, and may
 * still commit. Their rows can neither be seen nor condemned before that; what younger ones write is younger than the
 * rotation.
 */
export function readOpenTransactions(
  database: Queryable,
  { relation }: Target,
  { planXid }: CondemnedTokens,
): Promise<OpenTransaction[]> {
  return database.$queryRaw<OpenTransaction[]>`
    SELECT DISTINCT writer.pid
    FROM pg_locks AS writer
    JOIN pg_locks AS number ON number.virtualtransaction = writer.virtualtransaction
      AND number.locktype = 'transactionid' AND number.mode = 'ExclusiveLock' AND number.granted
    WHERE writer.locktype = 'relation' AND writer.granted
      AND writer.relation IN (
        SELECT ${relation}::regclass::oid UNION ALL SELECT oid FROM ${rowTablesOf({ relation })} AS tables
      )
      AND writer.database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND writer.mode IN ('RowExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
      AND age(number.transactionid) > ${ageOfPlan(planXid)}
    ORDER BY writer.pid`;
}
