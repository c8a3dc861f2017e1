import { randomBytes } from 'node:crypto';
import * as z from 'zod';
import { parse } from '../config/parse.ts';
import type { Finding } from '../finding.ts';
import { time } from './fields.ts';
import { columnOf, type Store, selectFields } from './store.ts';
import { whoIsThis } from './who.ts';

/** What a verification found, at the end of a run or by the command verify: a row of `rotation_checks`, parsed. */
export type Check = z.output<typeof checkSchema>;

/** Bytes of a check's id. */
const ID_BYTES = 8;

const findingSchema = z
  .object({
    check: z.string(),
    level: z.enum(['ok', 'warning', 'stop']),
    message: z.string(),
    advice: z.string().exactOptional(),
  })
  .readonly();

const checkSchema = z
  .object({
    id: z.string(),
    findings: z.array(findingSchema).readonly(),
    /** Of the leaked list that was looked up, in hexadecimal digits; null: there was none. */
    listSha256: z.string().nullable(),
    /** How many of its tokens were looked up. */
    tokensChecked: z.bigint().nonnegative().nullable(),
    /** How many rows had one of them. */
    rowsFound: z.bigint().nonnegative().nullable(),
    /** `user@host` of the command. */
    checkedBy: z.string(),
    /** The database user. */
    role: z.string(),
    checkedAt: time,
  })
  .readonly();

const FIELDS = Object.keys(checkSchema.unwrap().shape);

/** The columns that this version needs. */
export const CHECK_COLUMNS: readonly string[] = ['rotation', ...FIELDS.map(columnOf)];

const SELECTED = selectFields(FIELDS);

/** @returns the checks of a rotation, the last first */
export async function loadChecks({ database, tables, rotation }: Store): Promise<Check[]> {
  const rows = await database.$queryRaw<object[]>`
    SELECT ${SELECTED} FROM ${tables.checks} WHERE rotation = ${rotation} ORDER BY checked_at DESC, id`;
  return rows.map((row) => parse(checkSchema, row, (field) => `a check in rotation_checks: ${field}`));
}

/** A check that is yet to be recorded. */
export interface NewCheck {
  findings: readonly Finding[];
  /** Null: no list of leaked tokens was looked up. */
  list: { sha256: string; tokensChecked: number; rowsFound: number } | null;
}

/** @returns a function that records it, and may be called again if it is not certain whether it did */
export function checkRecorder(
  { database, tables, rotation }: Store,
  { findings, list }: NewCheck,
): () => Promise<unknown> {
  const id = randomBytes(ID_BYTES).toString('hex');
  return () => database.$executeRaw`
    INSERT INTO ${tables.checks} (id, rotation, findings, list_sha256, tokens_checked, rows_found, checked_by, role, checked_at)
    VALUES (${id}, ${rotation}, ${JSON.stringify(findings)}::jsonb, ${list?.sha256 ?? null},
      ${list?.tokensChecked ?? null}, ${list?.rowsFound ?? null}, ${whoIsThis()}, session_user, clock_timestamp())
    ON CONFLICT (rotation, id) DO NOTHING`;
}
