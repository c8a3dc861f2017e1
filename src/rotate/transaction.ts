import type { Checkpoint } from '../checkpoint/checkpoints.ts';
import type { CondemnedTokens } from '../checkpoint/condemned-tokens.ts';
import { type Advance, advanceCheckpoint, completes, lockCheckpoint } from '../checkpoint/fence.ts';
import type { Target } from '../config/target.ts';
import type { PlannedContext } from '../context.ts';
import { CONNECTION_TIMEOUT_MS, type Database, type Queryable } from '../database/database.ts';
import { BATCH_PLANNER } from '../database/planner.ts';
import { limitSettings } from '../database/session.ts';
import { sql } from '../database/sql.ts';
import { SILENT_CLIENT_MS } from './after-batch.ts';
import type { Guard } from './taken.ts';

/** Options for the transaction of a batch. */
export interface TransactionOptions {
  /** Milliseconds to wait for each lock. */
  lockTimeoutMs: number;
  /** Milliseconds that each statement may take. */
  statementTimeoutMs: number;
  /**
   * True if the server may acknowledge the commit before it is on disk. That is safe: tokens and checkpoint share the
   * commit, so a crash of the server loses both or neither. The batch that completes a partition always waits for the
   * disk.
   */
  asynchronousCommit: boolean;
  /** Tokens that no row may hold after its update; null if they are not known. @default null */
  condemned?: CondemnedTokens | null;
  /** Called with the server process of the transaction before any row is touched. */
  onBackend?: (pid: number) => void;
}

/** The options that the settings and the plan give every transaction of a rotation. */
export function transactionOptions({ settings, condemned }: PlannedContext): TransactionOptions {
  const { lockTimeoutMs, statementTimeoutMs, asynchronousCommit } = settings;
  return { lockTimeoutMs, statementTimeoutMs, asynchronousCommit, condemned };
}

/** A batch has a few statements, of which only one takes long. */
const STATEMENTS_THAT_TAKE_LONG = 2;

/** Prisma's limits for a transaction and for the wait for its connection, in milliseconds. */
export function limitsOf({ statementTimeoutMs }: TransactionOptions) {
  return { timeout: STATEMENTS_THAT_TAKE_LONG * statementTimeoutMs, maxWait: CONNECTION_TIMEOUT_MS };
}

/**
 * Runs a change in a transaction together with its checkpoint. The fence: the checkpoint must be where this process left
 * it, or nothing is changed.
 *
 * @returns the checkpoint as it is now
 * @throws OvertakenError when another process took the partition over
 */
export function inFencedTransaction(
  database: Database,
  target: Target,
  checkpoint: Checkpoint,
  options: TransactionOptions,
  change: (transaction: Queryable, guard: Guard) => Promise<Advance>,
): Promise<Checkpoint> {
  return database.$transaction(async (transaction) => {
    await configure(transaction, options);
    const { pid, firesTriggers } = await lockCheckpoint(transaction, target, checkpoint);
    options.onBackend?.(pid);
    const advance = await change(transaction, { firesTriggers, condemned: options.condemned ?? null });
    if (completes(checkpoint, advance)) {
      await transaction.$queryRaw`SELECT set_config('synchronous_commit', ${ON_DISK}, true)`;
    }
    return advanceCheckpoint(transaction, target.records, checkpoint, advance);
  }, limitsOf(options));
}

/** Sets limits, planner and commit for this transaction only, which also holds behind a pooler in transaction mode. */
export async function configure(transaction: Queryable, options: TransactionOptions): Promise<void> {
  const limits = limitSettings({ ...options, silentClientMs: SILENT_CLIENT_MS });
  await transaction.$queryRaw`
    SELECT ${limits}, ${BATCH_PLANNER}, set_config('synchronous_commit', ${options.asynchronousCommit ? sql`'off'` : ON_DISK}, true)`;
}

/** The server's own setting (`remote_apply`, say), but at least the wait for its own disk. */
const ON_DISK = sql`(
  SELECT CASE reset_val WHEN 'off' THEN 'on' ELSE reset_val END FROM pg_settings WHERE name = 'synchronous_commit')`;
