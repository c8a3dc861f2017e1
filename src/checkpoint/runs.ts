import * as z from 'zod';
import { type Overrides, overridesSchema } from '../config/overrides.ts';
import { parse } from '../config/parse.ts';
import { time } from './fields.ts';
import { ORDER_FIELDS, type Order, parseOrder } from './orders.ts';
import { rotationDeleted } from './rotation-record.ts';
import { columnOf, type Store, selectFields } from './store.ts';

/** A process that works on a rotation, or has worked on it: a row of `rotation_runs`, parsed. */
export type Run = z.output<typeof runSchema>;

/** How a process ended. One that was killed has no outcome. */
export const OUTCOMES = ['complete', 'interrupted', 'failed'] as const;

const runSchema = z
  .object({
    id: z.string(),
    host: z.string(),
    pid: z.int(),
    /** The database user. */
    role: z.string(),
    startedAt: time,
    /** The last sign of life. */
    seenAt: time,
    endedAt: time.nullable(),
    outcome: z.enum(OUTCOMES).nullable(),
    workers: z.int().nonnegative(),
    /** Rows of batches whose commit was confirmed to it. */
    rowsRotated: z.bigint().nonnegative(),
    rowsPerSecond: z.int().nonnegative(),
    heldBackBy: z.string().nullable(),
    heldBackDetail: z.string().nullable(),
    heldBackSince: time.nullable(),
  })
  .readonly();

const FIELDS = Object.keys(runSchema.unwrap().shape);

/** The columns that this version needs. */
export const RUN_COLUMNS: readonly string[] = ['rotation', ...FIELDS.map(columnOf)];

const SELECTED = selectFields(FIELDS);

/** Time without a sign of life after which a process counts as dead, in milliseconds. */
export const SILENT_RUN_MS = 3_000;

/** @returns the processes of a rotation, the last started first */
export async function loadRuns({ database, tables, rotation }: Store): Promise<Run[]> {
  const rows = await database.$queryRaw<object[]>`
    SELECT ${SELECTED} FROM ${tables.runs} WHERE rotation = ${rotation} ORDER BY started_at DESC, id`;
  return rows.map((row) => parse(runSchema, row, (field) => `a run in rotation_runs: ${field}`));
}

/** Records that this process begins to work. */
export async function beginRun(
  { database, tables, rotation }: Store,
  { id, host, pid }: Pick<Run, 'id' | 'host' | 'pid'>,
): Promise<void> {
  await database.$executeRaw`
    INSERT INTO ${tables.runs} (id, rotation, host, pid, role, started_at, seen_at)
    VALUES (${id}, ${rotation}, ${host}, ${pid}, session_user, clock_timestamp(), clock_timestamp())
    ON CONFLICT (rotation, id) DO NOTHING`;
}

/** What a process says of itself with each sign of life. */
export type SignOfLife = Pick<
  Run,
  'workers' | 'rowsRotated' | 'rowsPerSecond' | 'heldBackBy' | 'heldBackDetail' | 'outcome'
>;

/** What is in force for all processes of a rotation. */
export interface Orders {
  isPaused: boolean;
  overrides: Overrides;
  /** Other processes that work on it now. */
  others: number;
  /** The last order; null: there was none. */
  latest: Order | null;
}

const ordersSchema = z.object({
  isPaused: z.boolean(),
  overrides: overridesSchema,
  others: z.int(),
  latest: z.looseObject({}).nullable(),
});

/**
 * Gives a sign of life, and reads the orders.
 *
 * @throws ConfigurationError when the rotation was deleted, or its orders are not what this version writes
 */
export async function giveSignOfLife(
  { database, tables, rotation }: Store,
  id: string,
  sign: SignOfLife,
): Promise<Orders> {
  const { workers, rowsRotated, rowsPerSecond, heldBackBy, heldBackDetail, outcome } = sign;
  const [row] = await database.$queryRaw<object[]>`
    WITH sign AS (
      UPDATE ${tables.runs} SET seen_at = clock_timestamp(), workers = ${workers}, rows_rotated = ${rowsRotated},
        rows_per_second = ${rowsPerSecond}, held_back_by = ${heldBackBy}, held_back_detail = ${heldBackDetail},
        held_back_since = CASE
          WHEN held_back_by = ${heldBackBy} THEN held_back_since WHEN ${heldBackBy}::text IS NOT NULL THEN clock_timestamp()
        END,
        outcome = ${outcome}, ended_at = CASE WHEN ${outcome}::text IS NOT NULL THEN clock_timestamp() END
      WHERE rotation = ${rotation} AND id = ${id}
    )
    SELECT coalesce(paused_until > clock_timestamp(), false) AS "isPaused", overrides,
      (
        SELECT count(*)::int FROM ${tables.runs} AS runs
        WHERE runs.rotation = name AND runs.id <> ${id} AND ended_at IS NULL AND workers > 0
          AND seen_at > clock_timestamp() - ${SILENT_RUN_MS} * interval '1 millisecond'
      ) AS others,
      (
        SELECT row_to_json(last) FROM (
          SELECT ${ORDER_FIELDS} FROM ${tables.orders} AS orders
          WHERE orders.rotation = name ORDER BY given_at DESC, id LIMIT 1
        ) AS last
      ) AS latest
    FROM ${tables.rotations} WHERE name = ${rotation}`;
  if (row === undefined) throw rotationDeleted(rotation);
  const { latest, ...orders } = parse(ordersSchema, row, (field) => `rotation '${rotation}' in rotations: ${field}`);
  return { ...orders, latest: latest === null ? null : parseOrder(latest) };
}
