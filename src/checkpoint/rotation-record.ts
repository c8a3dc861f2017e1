import * as z from 'zod';
import { overridesSchema } from '../config/overrides.ts';
import { parse } from '../config/parse.ts';
import type { RecordTables } from '../config/record-tables.ts';
import type { Queryable } from '../database/database.ts';
import { sql } from '../database/sql.ts';
import { ConfigurationError } from '../errors/errors.ts';
import { time } from './fields.ts';
import { columnOf, type Store, selectFields } from './store.ts';

/** A rotation as a whole: a row of `rotations`, parsed. */
export type RotationRecord = z.output<typeof rotationSchema>;

/** Forms that are hashed: the token's uuid, its text, that in small letters, or its bytes as hexadecimal digits. */
export const HASH_FORMS = ['uuid', 'text', 'citext', 'hex'] as const;

const rotationSchema = z
  .object({
    name: z.string(),
    target: z.string(),
    tokenColumn: z.string(),
    /** Null if the rotation is not planned yet. */
    tableOid: z.bigint().nullable(),
    /** The transaction that planned it. */
    planXid: z.bigint().nullable(),
    /** Upper bound of the last partition; null if the rotation is not planned yet. */
    watermark: z.string().nullable(),
    /** Number of condemned tokens; null if planned without. */
    condemned: z.bigint().nonnegative().nullable(),
    hashForm: z.enum(HASH_FORMS).nullable(),
    hashSeed: z.bigint().nullable(),
    hashBuckets: z.int().positive().nullable(),
    /** Of the list whose tokens alone it replaces; null: it replaces all in scope. */
    listSha256: z.string().nullable(),
    survivorsRotated: z.bigint().nonnegative(),
    startedAt: time,
    plannedAt: time.nullable(),
    verifiedAt: time.nullable(),
    /** In the past, or null: not paused. */
    pausedUntil: time.nullable(),
    /** Settings that were changed while it runs. */
    overrides: overridesSchema,
  })
  .readonly();

const FIELDS = Object.keys(rotationSchema.unwrap().shape);

/** The columns that this version needs. */
export const ROTATION_COLUMNS: readonly string[] = FIELDS.map(columnOf);

const SELECTED = selectFields(FIELDS);

/**
 * @returns undefined when no such rotation ever began
 * @throws ConfigurationError when the row is not what this version writes (edited by hand, say)
 */
export async function loadRotation({ database, tables, rotation }: Store): Promise<RotationRecord | undefined> {
  const [row] = await database.$queryRaw<object[]>`
    SELECT ${SELECTED} FROM ${tables.rotations} WHERE name = ${rotation}`;
  return row && parseRotation(row);
}

/** @returns all rotations, the last started first */
export async function loadRotations(database: Queryable, tables: RecordTables): Promise<RotationRecord[]> {
  const rows = await database.$queryRaw<object[]>`
    SELECT ${SELECTED} FROM ${tables.rotations} ORDER BY started_at DESC, name`;
  return rows.map(parseRotation);
}

function parseRotation(row: object): RotationRecord {
  const name = 'name' in row ? row.name : '';
  return parse(rotationSchema, row, (field) => `rotation '${name}' in rotations: ${field}`);
}

/** Records that the verification of a complete rotation passed. @returns when, by the server's clock */
export async function recordVerification({ database, tables, rotation }: Store): Promise<Date> {
  const [row] = await database.$queryRaw<{ atMs: number }[]>(sql`
    UPDATE ${tables.rotations} SET verified_at = clock_timestamp() WHERE name = ${rotation}
    RETURNING (extract(epoch FROM verified_at) * 1000)::float8 AS "atMs"`);
  if (row === undefined) throw rotationDeleted(rotation);
  return new Date(row.atMs);
}

export function rotationDeleted(name: string): ConfigurationError {
  return new ConfigurationError(`rotation '${name}' was deleted while it ran.`);
}
