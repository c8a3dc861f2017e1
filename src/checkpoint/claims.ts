import { type Sql, sql } from '../database/sql.ts';
import { OvertakenError } from '../errors/errors.ts';
import { type Checkpoint, loadCheckpoint } from './checkpoints.ts';
import type { Store } from './store.ts';

/**
 * Lifetime of a claim after its last renewal, in milliseconds. Each batch renews it, and its row lock keeps others away
 * while it runs, so a claim must only outlast the pause between two batches. A restart waits this long for a process
 * that was killed.
 */
export const CLAIM_MS = 3_000;

/**
 * Takes a partition that is not swept and that no live process holds. Several at the same moment get different ones.
 *
 * @param claimant this process, unique among all that ever ran
 * @param skipped partitions that it has tried without success
 * @returns the partition as it stands, or null when none is free
 */
export function claimNext(store: Store, claimant: string, skipped: readonly number[] = []): Promise<Checkpoint | null> {
  return claim(
    store,
    claimant,
    sql`cursor IS DISTINCT FROM upper_bound AND partition <> ALL (${skipped}::int[]) AND ${IS_FREE}`,
  );
}

/** Takes one partition, or keeps it; null when it is complete, or a live process holds it. */
export function claimPartition(store: Store, partition: number, claimant: string): Promise<Checkpoint | null> {
  return claim(store, claimant, sql`partition = ${partition} AND (claimed_by = ${claimant} OR ${IS_FREE})`);
}

const IS_FREE = sql`(claimed_until IS NULL OR claimed_until < clock_timestamp())`;

async function claim(store: Store, claimant: string, which: Sql): Promise<Checkpoint | null> {
  const { database, tables, rotation } = store;
  const claimed = await database.$queryRaw<{ partition: number }[]>`
    UPDATE ${tables.checkpoints}
    SET claimed_by = ${claimant}, claimed_until = ${claimExpiry()}, updated_at = clock_timestamp(),
        claimed_since = CASE WHEN claimed_by = ${claimant} THEN claimed_since ELSE clock_timestamp() END
    WHERE rotation = ${rotation} AND partition = (
      SELECT partition FROM ${tables.checkpoints}
      WHERE rotation = ${rotation} AND completed_at IS NULL AND ${which}
      ORDER BY partition
      LIMIT 1
      -- A row that is locked belongs to a batch in flight: its holder is alive, whatever the time says.
      FOR NO KEY UPDATE SKIP LOCKED
    )
    RETURNING partition`;
  const partition = claimed[0]?.partition;
  return partition === undefined ? null : loadCheckpoint(store, partition);
}

/**
 * Reads a checkpoint again after something went wrong: whether a batch whose answer was lost has committed, only the
 * database knows. Waits for a transaction of it that may still be in flight, and renews the claim.
 *
 * @param fault what went wrong, to be seen in the status; nothing of a row may be in it
 * @returns the partition as it stands; complete, perhaps
 * @throws OvertakenError when another process holds it now
 */
export async function renewClaim(
  store: Store,
  { partition, claimedBy }: Checkpoint,
  fault: string | null = null,
): Promise<Checkpoint> {
  const { database, tables, rotation } = store;
  const renewed = await database.$executeRaw`
    UPDATE ${tables.checkpoints}
    SET claimed_until = ${claimExpiry()}, updated_at = clock_timestamp(), last_fault = coalesce(${fault}, last_fault),
        last_fault_at = CASE WHEN ${fault}::text IS NULL THEN last_fault_at ELSE clock_timestamp() END
    WHERE rotation = ${rotation} AND partition = ${partition} AND claimed_by = ${claimedBy} AND completed_at IS NULL`;
  const checkpoint = await loadCheckpoint(store, partition);
  if (checkpoint === null || (renewed === 0 && checkpoint.completedAt === null)) {
    throw new OvertakenError(rotation, partition);
  }
  return checkpoint;
}

/** Gives back what this process holds, so that the next one need not wait for the claim to expire. */
export async function releaseClaims({ database, tables, rotation }: Store, claimant: string): Promise<void> {
  await database.$executeRaw`
    UPDATE ${tables.checkpoints} SET claimed_by = NULL, claimed_until = NULL, claimed_since = NULL
    WHERE rotation = ${rotation} AND claimed_by = ${claimant}`;
}

/** Gives back one partition. */
export async function releaseClaim(
  { database, tables, rotation }: Store,
  partition: number,
  claimant: string,
): Promise<void> {
  await database.$executeRaw`
    UPDATE ${tables.checkpoints} SET claimed_by = NULL, claimed_until = NULL, claimed_since = NULL
    WHERE rotation = ${rotation} AND partition = ${partition} AND claimed_by = ${claimant}`;
}

/** By the server's clock, which all processes share. */
export function claimExpiry(): Sql {
  return sql`clock_timestamp() + ${CLAIM_MS} * interval '1 millisecond'`;
}
