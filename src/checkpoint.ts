import * as z from 'zod';
import type { Database, Queryable } from './database.ts';
import { ConfigurationError, OvertakenError } from './errors.ts';
import { parse } from './parse.ts';
import { raw, type Sql, sql } from './sql.ts';

/** How far one partition of a rotation is: a row of `rotation_checkpoints`, parsed. */
export type Checkpoint = z.output<typeof checkpointSchema>;

/**
 * A key of the target as text, whatever its type: the database compares keys, in the order of its own index. Here they
 * are only compared for being the same.
 */
export type Key = string;

const SQLSTATE = /^[0-9A-Z]{5}$/;

/** Key → SQLSTATE. Not a record of zod's, which would leave out a key such as `__proto__`. */
const setAsideSchema = z.custom<Readonly<Record<Key, string>>>(
  (value) =>
    typeof value === 'object' &&
    value !== null &&
    Object.values(value).every((fault) => typeof fault === 'string' && SQLSTATE.test(fault)),
  'is not a list of keys and SQLSTATEs',
);

const checkpointSchema = z
  .object({
    rotation: z.string(),
    partition: z.int(),
    target: z.string(),
    /** Exclusive; null: from the first key. */
    lowerBound: z.string().nullable(),
    /** Inclusive. */
    upperBound: z.string(),
    /** Where the last partition ends. */
    watermark: z.string(),
    cursor: z.string().nullable(),
    rowsTotal: z.bigint().nonnegative(),
    totalIsEstimate: z.boolean(),
    rowsRotated: z.bigint().nonnegative(),
    /** Rows that the cursor has passed without rotating them: key → SQLSTATE of why. */
    setAside: setAsideSchema,
    claimedBy: z.string().nullable(),
    claimedUntil: z.date().nullable(),
    claimedSince: z.date().nullable(),
    lastFault: z.string().nullable(),
    lastFaultAt: z.date().nullable(),
    startedAt: z.date(),
    updatedAt: z.date(),
    completedAt: z.date().nullable(),
    /** When the rotation, complete by then, was found to be what it should be. */
    verifiedAt: z.date().nullable(),
  })
  .readonly();

/** Where a partition begins and ends and how much is in it, before anything of it was rotated. */
export type PlannedPartition = Pick<Checkpoint, (typeof PLANNED_FIELDS)[number]>;

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
export function loadCheckpoints(database: Queryable, rotation: string): Promise<Checkpoint[]> {
  return readCheckpoints(database, sql`rotation = ${rotation}`);
}

async function readCheckpoints(database: Queryable, which: Sql): Promise<Checkpoint[]> {
  const rows = await database.$queryRaw<{ rotation: string; partition: number }[]>`
    SELECT ${SELECTED} FROM rotation_checkpoints WHERE ${which} ORDER BY partition`;
  return rows.map(parseCheckpoint);
}

/** By the convention that the schema follows, `rowsTotal` is `rows_total`. */
const columnOf = (field: string) => field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

const FIELDS = Object.keys(checkpointSchema.unwrap().shape);

/** The columns that `rotation_checkpoints` has to have. */
export const CHECKPOINT_COLUMNS: readonly string[] = FIELDS.map(columnOf);

const SELECTED = raw(FIELDS.map((field) => `${columnOf(field)} AS "${field}"`).join(', '));

/** @returns the names of all rotations that have begun, in alphabetical order */
export async function loadRotationNames(database: Queryable): Promise<string[]> {
  const rows = await database.$queryRaw<{ rotation: string }[]>`
    SELECT DISTINCT rotation FROM rotation_checkpoints ORDER BY rotation`;
  return rows.map(({ rotation }) => rotation);
}

/** @returns the partitions that are not complete */
export async function loadOpenCheckpoints(database: Database, rotation: string): Promise<Checkpoint[]> {
  const checkpoints = await loadCheckpoints(database, rotation);
  // Nothing counts as complete because its records are gone.
  if (checkpoints.length === 0)
    throw new ConfigurationError(`the checkpoints of rotation '${rotation}' were deleted while it ran.`);
  return checkpoints.filter(({ completedAt }) => completedAt === null);
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
    await transaction.$executeRaw`
      INSERT INTO rotation_checkpoints (${PLANNED})
      SELECT ${PLANNED} FROM jsonb_populate_recordset(NULL::rotation_checkpoints, ${JSON.stringify(plan.map(toRow))}::jsonb)
      WHERE NOT EXISTS (SELECT FROM rotation_checkpoints WHERE rotation = ${first.rotation})`;
  });
}

const PLANNED_FIELDS = [
  'rotation',
  'partition',
  'target',
  'lowerBound',
  'upperBound',
  'watermark',
  'rowsTotal',
  'totalIsEstimate',
] as const;

const PLANNED = raw(PLANNED_FIELDS.map(columnOf).join(', '));

function toRow(planned: PlannedPartition): object {
  return Object.fromEntries(PLANNED_FIELDS.map((field) => [columnOf(field), text(planned[field])]));
}

/** Whole numbers of any size, which JSON has no way to write, are read from text. */
function text(value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}

/** Whether the cursor has been through all of it. Rows set aside may be left. */
export function isSwept({ cursor, upperBound }: Pick<Checkpoint, 'cursor' | 'upperBound'>): boolean {
  return cursor === upperBound;
}

/**
 * Takes a partition that is not swept and that no live process holds. Several at the same moment get different ones.
 *
 * @param claimant this process, unique among all that ever ran
 * @returns the partition as it stands, or null when none is free
 */
export function claimNext(database: Database, rotation: string, claimant: string): Promise<Checkpoint | null> {
  return claim(database, rotation, claimant, sql`cursor IS DISTINCT FROM upper_bound AND ${IS_FREE}`);
}

/** Takes one partition, or keeps it; null when it is complete, or a live process holds it. */
export function claimPartition(
  database: Database,
  rotation: string,
  partition: number,
  claimant: string,
): Promise<Checkpoint | null> {
  const which = sql`partition = ${partition} AND (claimed_by = ${claimant} OR ${IS_FREE})`;
  return claim(database, rotation, claimant, which);
}

const IS_FREE = sql`(claimed_until IS NULL OR claimed_until < clock_timestamp())`;

async function claim(database: Database, rotation: string, claimant: string, which: Sql) {
  const claimed = await database.$queryRaw<{ partition: number }[]>`
    UPDATE rotation_checkpoints
    SET claimed_by = ${claimant}, claimed_until = ${claimExpiry()}, updated_at = clock_timestamp(),
        claimed_since = CASE WHEN claimed_by = ${claimant} THEN claimed_since ELSE clock_timestamp() END
    WHERE rotation = ${rotation} AND partition = (
      SELECT partition FROM rotation_checkpoints
      WHERE rotation = ${rotation} AND completed_at IS NULL AND ${which}
      ORDER BY partition
      LIMIT 1
      -- A row that is locked belongs to a batch in flight: its holder is alive, whatever the time says.
      FOR NO KEY UPDATE SKIP LOCKED
    )
    RETURNING partition`;
  const partition = claimed[0]?.partition;
  return partition === undefined ? null : readCheckpoint(database, rotation, partition);
}

async function readCheckpoint(database: Queryable, rotation: string, partition: number): Promise<Checkpoint | null> {
  const [checkpoint] = await readCheckpoints(database, sql`rotation = ${rotation} AND partition = ${partition}`);
  return checkpoint ?? null;
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
  database: Database,
  { rotation, partition, claimedBy }: Checkpoint,
  fault: string | null = null,
): Promise<Checkpoint> {
  const renewed = await database.$executeRaw`
    UPDATE rotation_checkpoints
    SET claimed_until = ${claimExpiry()}, updated_at = clock_timestamp(), last_fault = coalesce(${fault}, last_fault),
        last_fault_at = CASE WHEN ${fault}::text IS NULL THEN last_fault_at ELSE clock_timestamp() END
    WHERE rotation = ${rotation} AND partition = ${partition} AND claimed_by = ${claimedBy} AND completed_at IS NULL`;
  const checkpoint = await readCheckpoint(database, rotation, partition);
  if (checkpoint === null || (renewed === 0 && checkpoint.completedAt === null)) {
    throw new OvertakenError(rotation, partition);
  }
  return checkpoint;
}

/** Gives back what this process holds, so that the next one need not wait for the claim to expire. */
export async function releaseClaims(database: Queryable, rotation: string, claimant: string): Promise<void> {
  await database.$executeRaw`
    UPDATE rotation_checkpoints SET claimed_by = NULL, claimed_until = NULL, claimed_since = NULL
    WHERE rotation = ${rotation} AND claimed_by = ${claimant}`;
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

/** Records that a complete rotation is what it should be. */
export async function recordVerification(database: Queryable, rotation: string): Promise<void> {
  await database.$executeRaw`
    UPDATE rotation_checkpoints SET verified_at = clock_timestamp() WHERE rotation = ${rotation}`;
}

/** What a batch has done. */
export interface Advance {
  /** The last key of the batch; the partition's upper bound when nothing is left behind it. */
  cursor: Key | null;
  /** How many rows the batch rotated. */
  rows: number;
  /** What is set aside from now on. */
  setAside: Checkpoint['setAside'];
}

/** Whether nothing is left of the partition once it has advanced so far. */
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
  checkpoint: Checkpoint,
  advance: Advance,
): Promise<Checkpoint> {
  const { cursor, rows, setAside } = advance;
  const complete = completes(checkpoint, advance);
  const moved = await transaction.$queryRaw<{ completedAt: Date | null }[]>`
    UPDATE rotation_checkpoints
    SET cursor = ${cursor}, rows_rotated = rows_rotated + ${rows},
        set_aside = ${JSON.stringify(setAside)}::jsonb,
        updated_at = clock_timestamp(),
        completed_at = CASE WHEN ${complete} THEN clock_timestamp() END,
        claimed_by = CASE WHEN NOT ${complete} THEN claimed_by END,
        claimed_since = CASE WHEN NOT ${complete} THEN claimed_since END,
        claimed_until = CASE WHEN NOT ${complete} THEN ${claimExpiry()} END
    WHERE ${unchangedSince(checkpoint)}
    RETURNING completed_at AS "completedAt"`;
  const [row] = moved;
  if (row === undefined) throw new OvertakenError(checkpoint.rotation, checkpoint.partition);
  const rowsRotated = checkpoint.rowsRotated + BigInt(rows);
  return { ...checkpoint, cursor, rowsRotated, setAside, completedAt: row.completedAt };
}

/** The condition that holds as long as nobody but this process has moved, claimed or completed the partition. */
function unchangedSince({ rotation, partition, cursor, setAside, claimedBy }: Checkpoint): Sql {
  return sql`rotation = ${rotation} AND partition = ${partition} AND claimed_by = ${claimedBy}
    AND cursor IS NOT DISTINCT FROM ${cursor}
    AND set_aside = ${JSON.stringify(setAside)}::jsonb AND completed_at IS NULL`;
}

/** What the server's clock says, which claims go by. */
export async function serverTime(database: Database): Promise<Date> {
  const [clock] = await database.$queryRaw<{ now: Date }[]>`SELECT clock_timestamp() AS now`;
  return clock?.now ?? new Date();
}

/** By the server's clock, which all processes share. */
function claimExpiry(): Sql {
  return sql`clock_timestamp() + ${CLAIM_MS} * interval '1 millisecond'`;
}

function parseCheckpoint(row: { rotation: string; partition: number }): Checkpoint {
  const where = `partition ${row.partition} of rotation '${row.rotation}' in rotation_checkpoints:`;
  return parse(checkpointSchema, row, (column) => `${where} ${column}`);
}

/** How many rows all processes together have rotated so far. */
export async function countRotated(database: Queryable, rotation: string): Promise<number> {
  const [sum] = await database.$queryRaw<{ rows: number }[]>`
    SELECT coalesce(sum(rows_rotated), 0)::float8 AS rows FROM rotation_checkpoints WHERE rotation = ${rotation}`;
  return sum?.rows ?? 0;
}
