import type { CondemnedTokens } from './checkpoint/condemned-tokens.ts';
import type { Order } from './checkpoint/orders.ts';
import type { Overrides } from './config/overrides.ts';
import type { Settings } from './config/settings.ts';
import type { Target } from './config/target.ts';
import type { Database } from './database/database.ts';
import type { Finding } from './finding.ts';
import type { LeakedFile } from './verify/leaked-list.ts';

/** Events that a rotation reports while it runs. */
export type RotationEvent =
  /** Findings before the first write. */
  | { type: 'preflight'; findings: Finding[] }
  /** Transactions older than the rotation may still commit rows, so the proof waits until they have ended. */
  | { type: 'openTransactions'; pids: number[] }
  /** Another process is planning this rotation. */
  | { type: 'waitingForPlan' }
  /** Condemning the tokens of about this many rows. */
  | { type: 'condemning'; blocksDone: number; blocksTotal: number; rows: number }
  /** Number of condemned tokens, none of which may be left at the end. */
  | { type: 'condemned'; tokens: number }
  /** What was found of the list whose tokens alone are replaced. */
  | { type: 'listed'; sha256: string; tokens: number; rows: number; rowsOutOfScope: number }
  | {
      type: 'started';
      resumed: boolean;
      rowsDone: number;
      rowsTotal: number;
      totalIsEstimate: boolean;
      partitions: number;
    }
  /** A batch has waited half a second for locks that these server processes hold. */
  | { type: 'blocked'; pids: number[] }
  /** A batch of this process has committed; the time excludes waits for locks. */
  | { type: 'batch'; rows: number; durationMs: number }
  /** Number of rows that all processes together have rotated. */
  | { type: 'total'; rowsDone: number }
  /** Another process took a partition over while this one did not respond. Nothing was changed twice. */
  | { type: 'overtaken'; partition: number }
  /** A passing fault; the step is retried. */
  | { type: 'retry'; partition: number | undefined; attempt: number; waitMs: number; fault: string }
  /** A row could not be rotated; it is retried when all others are done. */
  | { type: 'setAside'; partition: number; key: string; fault: string }
  /** The rotation pauses: `reason` names the option, `detail` what it measured. */
  | { type: 'throttled'; reason: string; detail: string; waitMs: number }
  /** Somebody has paused or resumed the rotation, or changed its settings. */
  | { type: 'order'; order: Order }
  /** Settings that were changed by earlier orders, and are in force. */
  | { type: 'overridden'; overrides: Overrides }
  /** The rotation waits for a replica that does not stream; null: no replica streams, and none is known. */
  | { type: 'replicaLost'; name: string | null }
  /** Too many rows of a partition fail one by one; the run goes on with the others, and ends with an error. */
  | { type: 'stuck'; partition: number; fault: string }
  /** Only rows that were set aside are left; they are retried. */
  | { type: 'tryingAgain'; rows: number; waitMs: number }
  /** Every partition is complete; verification begins. */
  | { type: 'verifying' }
  /** Progress of verification. */
  | { type: 'checking'; blocksDone: number; blocksTotal: number }
  /** Number of rows that still hold a condemned token although all partitions are complete; they are rotated now. */
  | { type: 'survivors'; rows: number }
  /** Findings of verification. */
  | { type: 'verified'; findings: Finding[] }
  /** No partition is free, but other processes, dead or alive, still hold some. */
  | { type: 'waiting'; holders: string[] };

/** The input of a rotation and its workers. */
export interface RotationContext {
  /** Its pool should have one connection more than there are workers. */
  database: Database;
  target: Target;
  settings: Settings;
  /** Once aborted, the batches in flight are finished and the rotation stops. */
  signal: AbortSignal;
  /** The list whose tokens alone are replaced. @default every token in scope is */
  only?: LeakedFile;
  /** Your own throttle, asked twice a second: why the rotation must wait, or null. If it fails, the rotation waits. */
  throttle?: () => Promise<string | null>;
  onEvent: (event: RotationEvent) => void;
}

/** The context of a planned rotation. */
export interface PlannedContext extends RotationContext {
  /** Null if the rotation was planned without condemning. */
  condemned: CondemnedTokens | null;
  /** Waits while nothing may be written. @default it always may */
  untilAllowed?: (signal: AbortSignal) => Promise<void>;
}
