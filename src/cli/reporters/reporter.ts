import type { Target } from '../../config/target.ts';
import type { RotationEvent } from '../../context.ts';
import type { Rehearsal } from '../../rotate/dry-run.ts';
import type { RotationResult } from '../../rotate/rotation.ts';

/** Tells a person or a machine what a rotation does. */
export interface Reporter {
  /** `list`: the SHA-256 of the list whose tokens alone are replaced, or null. */
  begin(facts: { rotation: string; target: Target; database: string; list: string | null }): void;
  event(event: RotationEvent): void;
  /** A first signal came; the batches in flight are still being finished. */
  stopping(signal: NodeJS.Signals): void;
  /** A second signal came; the process ends now. */
  stopped(): void;
  end(result: RotationResult): void;
  /** The end of a dry run; `listed`: only a list was looked up; null: nothing is left to do. */
  rehearsed(rehearsal: Rehearsal | 'listed' | null): void;
  fail(error: unknown): void;
}

/** Tells two of them the same. */
export function both(one: Reporter, other: Reporter): Reporter {
  return {
    begin(facts) {
      one.begin(facts);
      other.begin(facts);
    },
    event(event) {
      one.event(event);
      other.event(event);
    },
    stopping(signal) {
      one.stopping(signal);
      other.stopping(signal);
    },
    stopped() {
      one.stopped();
      other.stopped();
    },
    end(result) {
      one.end(result);
      other.end(result);
    },
    rehearsed(rehearsal) {
      one.rehearsed(rehearsal);
      other.rehearsed(rehearsal);
    },
    fail(error) {
      one.fail(error);
      other.fail(error);
    },
  };
}
