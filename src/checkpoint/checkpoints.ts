import * as z from 'zod';
import { parse } from '../config/parse.ts';
import type { Database, Queryable } from '../database/database.ts';
import { raw, type Sql, sql } from '../database/sql.ts';
import { ConfigurationError, type RowNotRotated } from '../errors/errors.ts';
import { NOT_TAKEN } from '../errors/fault-table.ts';
import { time } from './fields.ts';
import { columnOf, type Store, selectFields } from './store.ts';

/** One partition of a rotation: a row of `rotation_checkpoints`, parsed. */
export type Checkpoint = z.output<typeof checkpointSchema>;

/**
 * A key of the target as text, whatever its type. Only the database knows the order of keys, which is that of their
 * index; code here only tests keys for equality.
 */
export type Key = string;

const FAULT = new RegExp(`^([0-9A-Z]{5}|${NOT_TAKEN})$`);

/** Key → fault. Not a record of zod's, which would leave out a key such as `__proto__`. */
const setAsideSchema = z.custom<Readonly<Record<Key, string>>>(
  (value) =>
    typeof value === 'object' &&
    value !== null &&
    Object.values(value).every((fault) => typeof fault === 'string' && FAULT.test(fault)),
  'is not a list of keys and faults',
);

const checkpointSchema = z
  .object({
    rotation: z.string(),
    partition: z.int(),
    /** Exclusive; null: from the first key. */
    lowerBound: z.string().nullable(),
    /** Inclusive. */
    upperBound: z.string(),
    cursor: z.string().nullable(),
    rowsTotal: z.bigint().nonnegative(),
    totalIsEstimate: z.boolean(),
    rowsRotated: z.bigint().nonnegative(),
    /** Rows that the cursor has passed without rotating them: key → SQLSTATE of why, or `NOT_TAKEN`. */
    setAside: setAsideSchema,
    claimedBy: z.string().nullable(),
    claimedUntil: time.nullable(),
    claimedSince: time.nullable(),
    lastFault: z.string().nullable(),
    lastFaultAt: time.nullable(),
    updatedAt: time,
    completedAt: time.nullable(),
  })
  .readonly();

/** A partition before any of it was rotated: its bounds and its rows. */
export type PlannedPartition = Pick<Checkpoint, (typeof PLANNED_FIELDS)[number]>;

const FIELDS = Object.keys(checkpointSchema.unwrap().shape);

/** The columns that this version needs. */
export const CHECKPOINT_COLUMNS: readonly string[] = FIELDS.map(columnOf);

const SELECTED = selectFields(FIELDS);

/**
 * @returns the partitions of a rotation in order; empty when it was never planned
 * @throws ConfigurationError when a row is not what this version writes (edited by hand, say)
 */
export function loadCheckpoints(store: Store): Promise<Checkpoint[]> {
  return readCheckpoints(store, sql`true`);
}

/** @returns null when there is no such partition */
export async function loadCheckpoint(store: Store, partition: number): Promise<Checkpoint | null> {
  const [checkpoint] = await readCheckpoints(store, sql`partition = ${partition}`);
  return checkpoint ?? null;
}

async function readCheckpoints({ database, tables, rotation }: Store, which: Sql): Promise<Checkpoint[]> {
  const rows = await database.$queryRaw<{ partition: number }[]>`
    SELECT ${SELECTED} FROM ${tables.checkpoints} WHERE rotation = ${rotation} AND ${which} ORDER BY partition`;
  return rows.map((row) => {
    const where = `partition ${row.partition} of rotation '${rotation}' in rotation_checkpoints:`;
    return parse(checkpointSchema, row, (field) => `${where} ${field}`);
  });
}

/** @returns the partitions that are not complete */
export async function loadOpenCheckpoints(store: Store): Promise<Checkpoint[]> {
  const checkpoints = await loadCheckpoints(store);
  // Nothing counts as complete because its records are gone.
  if (checkpoints.length === 0)
    throw new ConfigurationError(`the checkpoints of rotation '${store.rotation}' were deleted while it ran.`);
  return checkpoints.filter(({ completedAt }) => completedAt === null);
}

const PLANNED_FIELDS = ['rotation', 'partition', 'lowerBound', 'upperBound', 'rowsTotal', 'totalIsEstimate'] as const;

const PLANNED = raw(PLANNED_FIELDS.map(columnOf).join(', '));

/** Records the partitions of a rotation, in the transaction that plans it. */
export async function insertCheckpoints(
  transaction: Queryable,
  { tables }: Pick<Store, 'tables'>,
  partitions: readonly PlannedPartition[],
): Promise<void> {
  await transaction.$executeRaw`
    INSERT INTO ${tables.checkpoints} (${PLANNED})
    SELECT ${PLANNED}
    FROM jsonb_populate_recordset(NULL::${tables.checkpoints}, ${JSON.stringify(partitions.map(toRow))}::jsonb)`;
}

function toRow(planned: PlannedPartition): object {
  return Object.fromEntries(PLANNED_FIELDS.map((field) => [columnOf(field), text(planned[field])]));
}

/** Whole numbers of any size, which JSON has no way to write, are read from text. */
function text(value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}

/** True if the cursor has reached the end. Rows set aside may be left. */
export function isSwept({ cursor, upperBound }: Pick<Checkpoint, 'cursor' | 'upperBound'>): boolean {
  return cursor === upperBound;
}

/** Counts the rows that all processes together have rotated so far. */
export async function countRotated({ database, tables, rotation }: Store): Promise<number> {
  const [sum] = await database.$queryRaw<{ rows: number }[]>`
    SELECT coalesce(sum(rows_rotated), 0)::float8 AS rows FROM ${tables.checkpoints} WHERE rotation = ${rotation}`;
  return sum?.rows ?? 0;
}

/** The server's clock, which claims go by. */
export async function serverTime(database: Database): Promise<Date> {
  const [clock] = await database.$queryRaw<{ ms: number }[]>`
    SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS ms`;
  return new Date(clock?.ms ?? Date.now());
}

/** Lists the rows set aside in these partitions, in the order of the partitions. */
export function rowsSetAside(checkpoints: readonly Checkpoint[]): RowNotRotated[] {
  const rows = checkpoints.flatMap(({ setAside }) => Object.entries(setAside));
  return rows.map(([key, fault]) => ({ key, fault }));
}
