import * as z from 'zod';
import type { Database, Queryable } from './database.ts';
import { OvertakenError } from './errors.ts';
import { Prisma } from './generated/prisma/client.ts';
import { parse } from './parse.ts';

/**
 * How far one partition of a rotation is: a row of `rotation_checkpoints`, parsed.
 * Bounds and cursor are keys of the target; the table keeps them as text.
 */
export type Checkpoint = z.output<typeof checkpointSchema>;

const key = z.codec(z.string().regex(/^-?\d{1,19}$/, 'is not a bigint key'), z.bigint(), {
  decode: (text) => BigInt(text),
  encode: (value) => value.toString(),
});

const checkpointSchema = z
  .object({
    rotation: z.string(),
    partition: z.int(),
    target: z.string(),
    lowerBound: key.nullable(),
    upperBound: key,
    cursor: key.nullable(),
    rowsTotal: z.bigint().nonnegative(),
    totalIsEstimate: z.boolean(),
    rowsRotated: z.bigint().nonnegative(),
    claimedBy: z.string().nullable(),
    claimedUntil: z.date().nullable(),
    startedAt: z.date(),
    completedAt: z.date().nullable(),
  })
  .readonly();

/** Where a partition begins and ends and how much is in it, before anything of it was rotated. */
export type PlannedPartition = Pick<
  Checkpoint,
  'rotation' | 'partition' | 'target' | 'lowerBound' | 'upperBound' | 'rowsTotal' | 'totalIsEstimate'
>;

/**
 * How long a claim counts after its holder was last heard of, in milliseconds. A batch renews it, and while a batch
 * runs its row lock keeps everybody else away, so this only has to outlast the pause between two batches. It is also
 * how long a restart waits for a process that was killed.
 */
export const CLAIM_MS = 3_000;

/**
 * @returns the partitions of a rotation in order; empty when it was never started
 * @throws ConfigurationError when a row is not what this version writes (edited by hand, say)
 */
export async function loadCheckpoints(database: Database, rotation: string): Promise<Checkpoint[]> {
  const rows = await database.rotationCheckpoint.findMany({ where: { rotation }, orderBy: { partition: 'asc' } });
  return rows.map(parseCheckpoint);
}

/**
 * Writes the plan of a new rotation. Of several processes that start it at the same moment, one writes its plan and
 * the others find it there.
 */
export async function persistPlan(database: Database, plan: readonly PlannedPartition[]): Promise<void> {
  const [first] = plan;
  if (first === undefined) return;
  await database.$transaction(async (transaction) => {
    // Plans of two processes differ, and must not mix.
    await transaction.$executeRaw`SELECT pg_advisory_xact_lock(hashtextextended(${`rotate-tokens ${first.rotation}`}, 0))`;
    if ((await transaction.rotationCheckpoint.count({ where: { rotation: first.rotation } })) > 0) return;
    await transaction.rotationCheckpoint.createMany({ data: plan.map(toRow) });
  });
}

function toRow(planned: PlannedPartition) {
  return {
    ...planned,
    lowerBound: key.nullable().encode(planned.lowerBound),
    upperBound: key.encode(planned.upperBound),
  };
}

/**
 * Takes a partition that is not complete and that no live process holds. Several at the same moment get different ones.
 *
 * @param claimant this process, unique among all that ever ran
 * @returns the partition as it stands, or null when none is free
 */
export async function claimPartition(
  database: Database,
  rotation: string,
  claimant: string,
): Promise<Checkpoint | null> {
  const claimed = await database.$queryRaw<{ partition: number }[]>`
    UPDATE rotation_checkpoints
    SET claimed_by = ${claimant}, claimed_until = ${claimExpiry()}, updated_at = clock_timestamp()
    WHERE rotation = ${rotation} AND partition = (
      SELECT partition FROM rotation_checkpoints
      WHERE rotation = ${rotation} AND completed_at IS NULL
        AND (claimed_until IS NULL OR claimed_until < clock_timestamp())
      ORDER BY partition
      LIMIT 1
      -- A row that is locked belongs to a batch in flight: its holder is alive, whatever the time says.
      FOR NO KEY UPDATE SKIP LOCKED
    )
    RETURNING partition`;
  const partition = claimed[0]?.partition;
  if (partition === undefined) return null;
  const where = { rotation_partition: { rotation, partition } };
  return parseCheckpoint(await database.rotationCheckpoint.findUniqueOrThrow({ where }));
}

/** Gives back what this process holds, so that the next one need not wait for the claim to expire. */
export async function releaseClaims(database: Database, rotation: string, claimant: string): Promise<void> {
  await database.rotationCheckpoint.updateMany({
    where: { rotation, claimedBy: claimant },
    data: { claimedBy: null, claimedUntil: null },
  });
}

/**
 * The fence. Locks the partition's row for the rest of the transaction, provided that it is still where this process
 * left it and still this process's own.
 *
 * @returns the server process that the transaction runs in
 * @throws OvertakenError when it is not; the transaction has to be rolled back
 */
export async function lockCheckpoint(transaction: Queryable, checkpoint: Checkpoint): Promise<number> {
  const [locked] = await transaction.$queryRaw<{ pid: number }[]>`
    SELECT pg_backend_pid() AS pid FROM rotation_checkpoints WHERE ${unchangedSince(checkpoint)} FOR NO KEY UPDATE`;
  if (locked === undefined) throw new OvertakenError(checkpoint.rotation, checkpoint.partition);
  return locked.pid;
}

/** What a batch has done. */
export interface Advance {
  /** The last key of the batch; unchanged when there was no row left. */
  cursor: bigint | null;
  /** How many rows the batch rotated. */
  rows: number;
  /** Whether nothing is left of the partition. */
  complete: boolean;
}

/**
 * Moves the checkpoint from the cursor that this process read (compare and set), and renews its claim, or ends it when
 * the partition is complete.
 *
 * @returns the checkpoint after the move; it holds once the transaction has committed
 * @throws OvertakenError when the checkpoint is not where this process left it
 */
export async function advanceCheckpoint(
  transaction: Queryable,
  checkpoint: Checkpoint,
  { cursor, rows, complete }: Advance,
): Promise<Checkpoint> {
  const moved = await transaction.$queryRaw<{ completedAt: Date | null }[]>`
    UPDATE rotation_checkpoints
    SET cursor = ${key.nullable().encode(cursor)}, rows_rotated = rows_rotated + ${rows},
        updated_at = clock_timestamp(),
        completed_at = CASE WHEN ${complete} THEN clock_timestamp() END,
        claimed_by = CASE WHEN NOT ${complete} THEN claimed_by END,
        claimed_until = CASE WHEN NOT ${complete} THEN ${claimExpiry()} END
    WHERE ${unchangedSince(checkpoint)}
    RETURNING completed_at AS "completedAt"`;
  const [row] = moved;
  if (row === undefined) throw new OvertakenError(checkpoint.rotation, checkpoint.partition);
  return { ...checkpoint, cursor, rowsRotated: checkpoint.rowsRotated + BigInt(rows), completedAt: row.completedAt };
}

/** The condition that holds as long as nobody but this process has moved, claimed or completed the partition. */
function unchangedSince({ rotation, partition, cursor, claimedBy }: Checkpoint): Prisma.Sql {
  return Prisma.sql`rotation = ${rotation} AND partition = ${partition} AND claimed_by = ${claimedBy}
    AND cursor IS NOT DISTINCT FROM ${key.nullable().encode(cursor)} AND completed_at IS NULL`;
}

/** By the server's clock, which all processes share. */
function claimExpiry(): Prisma.Sql {
  return Prisma.sql`clock_timestamp() + ${CLAIM_MS} * interval '1 millisecond'`;
}

function parseCheckpoint(row: { rotation: string; partition: number }): Checkpoint {
  const where = `partition ${row.partition} of rotation '${row.rotation}' in rotation_checkpoints:`;
  return parse(checkpointSchema, row, (column) => `${where} ${column}`);
}

/** How many rows all processes together have rotated so far. */
export async function countRotated(database: Database, rotation: string): Promise<number> {
  const { _sum } = await database.rotationCheckpoint.aggregate({ where: { rotation }, _sum: { rowsRotated: true } });
  return Number(_sum.rowsRotated ?? 0n);
}
