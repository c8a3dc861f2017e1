import type { CondemnedTokens } from './checkpoint/condemned-tokens.ts';
import type { Settings } from './config/settings.ts';
import type { Target } from './config/target.ts';
import type { Database } from './database/database.ts';
import type { Finding } from './finding.ts';

/** What a rotation tells while it runs. */
export type RotationEvent =
  /** What was found before the first write. */
  | { type: 'preflight'; findings: Finding[] }
  /** Transactions that are older than the rotation may still commit rows: the last look is taken when they have ended. */
  | { type: 'openTransactions'; pids: number[] }
  /** Another process is planning this rotation. */
  | { type: 'waitingForPlan' }
  /** The tokens of about so many rows are being condemned. */
  | { type: 'condemning'; blocksDone: number; blocksTotal: number; rows: number }
  /** So many tokens were condemned: they must be gone at the end. */
  | { type: 'condemned'; tokens: number }
  | {
      type: 'started';
      resumed: boolean;
      rowsDone: number;
      rowsTotal: number;
      totalIsEstimate: boolean;
      partitions: number;
    }
  /** A batch has waited for half a second for locks that these server processes hold. */
  | { type: 'blocked'; pids: number[] }
  /** A batch of this process has committed; the time is without what it waited for locks. */
  | { type: 'batch'; rows: number; durationMs: number }
  /** How many rows are done by all processes together. */
  | { type: 'total'; rowsDone: number }
  /** Another process took a partition over while this one stood still. Nothing was changed twice. */
  | { type: 'overtaken'; partition: number }
  /** Something failed that passes by itself; it is tried again. */
  | { type: 'retry'; partition: number | undefined; attempt: number; waitMs: number; fault: string }
  /** A row that cannot be rotated now was passed over; it is tried again when all others are done. */
  | { type: 'setAside'; partition: number; key: string; fault: string }
  /** The rotation pauses for the sake of others: because of which option, and what for in detail. */
  | { type: 'throttled'; reason: string; detail: string; waitMs: number }
  /** A replica does not stream any more, or not yet, and is waited for; null: none does, and none is known. */
  | { type: 'replicaLost'; name: string | null }
  /** Only rows that were set aside are left; they are tried again. */
  | { type: 'tryingAgain'; rows: number; waitMs: number }
  /** All of it is done; now it is checked. */
  | { type: 'verifying' }
  /** How much of the table was looked at. */
  | { type: 'checking'; blocksDone: number; blocksTotal: number }
  /** So many rows hold a condemned token although all partitions are complete: they are rotated now. */
  | { type: 'survivors'; rows: number }
  /** What was found when everything was done. */
  | { type: 'verified'; findings: Finding[] }
  /** Nothing is left to claim, but others, dead or alive, still hold something. */
  | { type: 'waiting'; holders: string[] };

/** What a rotation and its workers are given. */
export interface RotationContext {
  /** Its pool should have a connection for each worker and one more. */
  database: Database;
  target: Target;
  settings: Settings;
  /** Once aborted, the batches in flight are finished and the rotation stops. */
  signal: AbortSignal;
  onEvent: (event: RotationEvent) => void;
}

/** A context whose rotation is planned. */
export interface PlannedContext extends RotationContext {
  /** Null for a rotation that was planned without them. */
  condemned: CondemnedTokens | null;
}
