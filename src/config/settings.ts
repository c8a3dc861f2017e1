import * as z from 'zod';
import { parse } from './parse.ts';

/**
 * How hard a rotation pushes: presets of the settings below that nobody should have to know. `gentle` leaves the server
 * idle most of the time; `npm run latency` measures what an application notices of each.
 */
export const PACES = {
  full: { workers: 4, targetBatchMs: 500, pauseRatio: 0 },
  steady: { workers: 2, targetBatchMs: 250, pauseRatio: 0 },
  gentle: { workers: 1, targetBatchMs: 20, pauseRatio: 3 },
} as const;

/** Default settings. `--help` and README state these values from here. */
export const DEFAULTS = {
  /** The rotation's name: its idempotency key. */
  name: 'default',
  /** True to begin although another rotation of the same column has completed. */
  again: false,
  /** Rows a batch, or `auto`: as many as take `targetBatchMs`. */
  batchSize: 'auto',
  /** One of `PACES`, for what is not set itself. */
  pace: 'steady',
  /** Target duration of one batch, in milliseconds; other writers of its rows wait about this long. */
  targetBatchMs: PACES.steady.targetBatchMs,
  /** Number of partitions rotated at a time, each on its own connection. */
  workers: PACES.steady.workers,
  /** Source of the tokens: this process, or PostgreSQL (`gen_random_uuid()`). */
  tokens: 'app',
  /** True if commits may be acknowledged before they are on disk; see `TransactionOptions.asynchronousCommit`. */
  asynchronousCommit: true,
  /** True to condemn the tokens of the start, and to prove at the end that none is left; `auto`: up to 50 million rows. */
  condemn: 'auto',
  /** True to keep the hashes of condemned tokens after verification; see `isCondemned`. */
  keepCondemned: false,
  /** Time that a batch waits for a lock, in milliseconds. What it has locked keeps others waiting for as long. */
  lockTimeoutMs: 1_000,
  /** Time limit of each statement of a batch, in milliseconds, including waits for locks. */
  statementTimeoutMs: 30_000,
  /** Time for which a passing fault (a restart, a failover) is retried, in milliseconds. */
  maxRetryTimeMs: 300_000,
  /** Rows a second that all processes of the rotation together write at most; null: as many as they can. */
  maxRowsPerSecond: null,
  /** Pause after each batch, as a multiple of the batch's duration. */
  pauseRatio: PACES.steady.pauseRatio,
  /** Lag of a streaming replica above which the rotation waits for it, in milliseconds; null: any. */
  maxReplicaLagMs: null,
  /** Megabytes of WAL that a replication slot may keep before the rotation waits for its consumer; null: any. */
  maxSlotWalMb: null,
  /** WAL files that may wait for the archiver before the rotation waits for it, too; null: any, and failures do not count. */
  maxUnarchivedFiles: 512,
  /** Connections that the server must have left for others; 0: none. */
  minFreeConnections: 1,
  /** Dead rows for each live one above which the rotation waits for a vacuum; null: any. */
  maxDeadRowRatio: null,
  /** Age of another session's transaction above which the rotation waits for its end, in milliseconds; null: any. */
  maxTransactionAgeMs: null,
  /** Sessions that may wait for locks of the rotation before it waits for them; null: any. */
  maxWaitingSessions: null,
} as const;

/** Connections are what a small server has least of. */
export const MAX_WORKERS = 32;

/** Rows in one transaction. Above it, a batch only holds locks longer. */
export const MAX_BATCH_SIZE = 20_000;

const WHOLE_ROWS = `must be "auto" or a whole number of rows, 1 to ${MAX_BATCH_SIZE}`;

const PAUSE_RATIO = 'must be a number, 0 to 100';

const DEAD_ROW_RATIO = 'must be a number, 0.01 to 1000';

/** The settings that can be changed while a rotation runs. */
export const STEERABLE = {
  pace: z.enum(['full', 'steady', 'gentle'], 'must be "full", "steady" or "gentle"'),
  workers: wholeNumber('workers', 1, MAX_WORKERS),
  maxRowsPerSecond: wholeNumber('rows', 1, 10_000_000).nullable(),
  maxReplicaLagMs: wholeNumber('milliseconds', 500, 86_400_000).nullable(),
  maxSlotWalMb: wholeNumber('megabytes', 1, 100_000_000).nullable(),
  maxUnarchivedFiles: wholeNumber('files', 1, 1_000_000).nullable(),
  minFreeConnections: wholeNumber('connections', 0, 10_000),
  maxDeadRowRatio: z.number(DEAD_ROW_RATIO).min(0.01, DEAD_ROW_RATIO).max(1_000, DEAD_ROW_RATIO).nullable(),
  maxTransactionAgeMs: wholeNumber('milliseconds', 1_000, 86_400_000).nullable(),
  maxWaitingSessions: wholeNumber('sessions', 1, 10_000).nullable(),
} as const;

const settingsSchema = z
  .strictObject({
    name: z
      .string('must be given once, with a value')
      .regex(/^[A-Za-z0-9][\w.:-]{0,62}$/, 'must be 1 to 63 letters, digits, or . _ : - (not at the start)')
      .default(DEFAULTS.name),
    again: z.boolean('must be given once').default(DEFAULTS.again),
    batchSize: z
      .union([z.literal('auto'), z.int(WHOLE_ROWS).min(1, WHOLE_ROWS).max(MAX_BATCH_SIZE, WHOLE_ROWS)], WHOLE_ROWS)
      .default(DEFAULTS.batchSize),
    pace: STEERABLE.pace.default(DEFAULTS.pace),
    targetBatchMs: wholeNumber('milliseconds', 10, 10_000).optional(),
    workers: STEERABLE.workers.optional(),
    tokens: z.enum(['app', 'database'], 'must be "app" or "database"').default(DEFAULTS.tokens),
    asynchronousCommit: z.boolean('must be given once').default(DEFAULTS.asynchronousCommit),
    condemn: z.union([z.literal('auto'), z.boolean()], 'must be given once').default(DEFAULTS.condemn),
    keepCondemned: z.boolean('must be given once').default(DEFAULTS.keepCondemned),
    lockTimeoutMs: wholeNumber('milliseconds', 1, 60_000).default(DEFAULTS.lockTimeoutMs),
    statementTimeoutMs: wholeNumber('milliseconds', 100, 100_000).default(DEFAULTS.statementTimeoutMs),
    maxRetryTimeMs: wholeNumber('milliseconds', 0, 86_400_000).default(DEFAULTS.maxRetryTimeMs),
    maxRowsPerSecond: STEERABLE.maxRowsPerSecond.default(DEFAULTS.maxRowsPerSecond),
    pauseRatio: z.number(PAUSE_RATIO).min(0, PAUSE_RATIO).max(100, PAUSE_RATIO).optional(),
    maxReplicaLagMs: STEERABLE.maxReplicaLagMs.default(DEFAULTS.maxReplicaLagMs),
    maxSlotWalMb: STEERABLE.maxSlotWalMb.default(DEFAULTS.maxSlotWalMb),
    maxUnarchivedFiles: STEERABLE.maxUnarchivedFiles.default(DEFAULTS.maxUnarchivedFiles),
    minFreeConnections: STEERABLE.minFreeConnections.default(DEFAULTS.minFreeConnections),
    maxDeadRowRatio: STEERABLE.maxDeadRowRatio.default(DEFAULTS.maxDeadRowRatio),
    maxTransactionAgeMs: STEERABLE.maxTransactionAgeMs.default(DEFAULTS.maxTransactionAgeMs),
    maxWaitingSessions: STEERABLE.maxWaitingSessions.default(DEFAULTS.maxWaitingSessions),
  })
  .transform(({ targetBatchMs, workers, pauseRatio, ...others }) => {
    const preset = PACES[others.pace];
    return {
      ...others,
      targetBatchMs: targetBatchMs ?? preset.targetBatchMs,
      workers: workers ?? preset.workers,
      pauseRatio: pauseRatio ?? preset.pauseRatio,
    };
  })
  .readonly();

function wholeNumber(unit: string, least: number, most: number) {
  const message = `must be a whole number of ${unit}, ${least} to ${most}`;
  return z.int(message).min(least, message).max(most, message);
}

/** Settings of one rotation. Frozen. */
export type Settings = z.output<typeof settingsSchema>;

/**
 * @param input the options as they came in; what is missing or undefined takes its default
 * @throws ConfigurationError naming the first option that is wrong, and why
 */
export function parseSettings(input: unknown): Settings {
  return parse(settingsSchema, input, optionName);
}

/** `batchSize` → `--batch-size`. */
export function optionName(field: string): string {
  return `--${field.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** Above so many rows, tokens are condemned only when that is asked for: the hashes take 500 MB. */
export const MAX_ROWS_CONDEMNED_UNASKED = 50_000_000;

/** @returns true if a rotation of about this many rows condemns its tokens */
export function condemns({ condemn }: Pick<Settings, 'condemn'>, rows: number): boolean {
  return condemn === 'auto' ? rows <= MAX_ROWS_CONDEMNED_UNASKED : condemn;
}

/**
 * Tables with up to this many rows are counted, and looked through for duplicates. More would delay the first batch, so
 * they are estimated.
 */
export const MAX_ROWS_COUNTED = 2_000_000;
