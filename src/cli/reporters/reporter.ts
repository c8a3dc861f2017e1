import type { Target } from '../../config/target.ts';
import type { RotationEvent } from '../../context.ts';
import type { Rehearsal } from '../../rotate/dry-run.ts';
import type { RotationResult } from '../../rotate/rotation.ts';

/** Tells a person or a machine what a rotation does. */
export interface Reporter {
  begin(facts: { rotation: string; target: Target; database: string }): void;
  event(event: RotationEvent): void;
  /** A first signal came; the batches in flight are still being finished. */
  stopping(signal: NodeJS.Signals): void;
  /** A second signal came; the process ends now. */
  stopped(): void;
  end(result: RotationResult): void;
  /** The end of a dry run; null: nothing is left to do. */
  rehearsed(rehearsal: Rehearsal | null): void;
  fail(error: unknown): void;
}
