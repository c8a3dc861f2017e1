import * as z from 'zod';
import { OUTCOMES } from '../checkpoint/runs.ts';
import { count, finding, isoTime } from './schema.ts';

const run = z.strictObject({
  host: z.string(),
  pid: count,
  databaseUser: z.string(),
  startedAt: isoTime,
  /** null if it was killed, or still runs. */
  endedAt: isoTime.nullable(),
  /** `lost`: it stopped giving signs of life. */
  outcome: z.enum([...OUTCOMES, 'running', 'lost']),
  rows: count,
});

const check = z.strictObject({
  at: isoTime,
  /** `user@host` */
  by: z.string(),
  databaseUser: z.string(),
  /** Of the list of leaked tokens that was looked up; null: there was none. */
  listSha256: z.string().nullable(),
  tokensChecked: count.nullable(),
  /** Rows that had one of them. */
  rowsFound: count.nullable(),
  findings: z.array(finding),
});

const rotation = z.strictObject({
  rotation: z.string(),
  target: z.string(),
  /** `host:port/name` */
  database: z.string(),
  state: z.enum(['planning', 'running', 'paused', 'stopped', 'complete']),
  startedAt: isoTime,
  completedAt: isoTime.nullable(),
  verifiedAt: isoTime.nullable(),
  rows: z.strictObject({ done: count, total: count, totalIsEstimate: z.boolean(), setAside: count }),
  /** null: it was begun without, or is not planned yet. */
  condemned: count.nullable(),
  /** Of the list whose tokens alone it replaces; null: it replaces all in scope. */
  listSha256: z.string().nullable(),
  /** Its last lines are the oldest, as in the two lists below. */
  runs: z.array(run),
  orders: z.array(z.strictObject({ at: isoTime, order: z.string() })),
  checks: z.array(check),
  /** The last fault of each partition that had one. */
  faults: z.array(z.strictObject({ at: isoTime, partition: count, fault: z.string() })),
});

const missing = z.strictObject({
  rotation: z.string(),
  /** `unreadable`: the database did not say whether anything is recorded. */
  why: z.enum(['not begun', 'unreadable']),
});

/**
 * The report of whole rotations, from what the database has recorded of them: all runs, orders and verifications. It holds
 * no token, no password and no value of a row but keys. Times are UTC.
 */
export const rotationReportSchema = z
  .strictObject({
    /** Goes up when a field changes its meaning or goes away. */
    format: z.literal(1),
    tool: z.strictObject({ name: z.literal('rotate-tokens'), version: z.string() }),
    writtenAt: isoTime,
    rotations: z.array(rotation),
    /** Those that were asked for, and of which nothing is known. */
    missing: z.array(missing),
    /** Plain language, for an incident ticket; lines are separated by `\n`, rotations by an empty one. */
    summary: z.string(),
  })
  .readonly();

export type RotationReport = z.output<typeof rotationReportSchema>;

/** A rotation of which nothing is known. */
export type MissingRotation = RotationReport['missing'][number];

/** One of its rotations. */
export type ReportedRotation = RotationReport['rotations'][number];
