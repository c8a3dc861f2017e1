/** Time after a message in which its repetitions are only counted, in milliseconds. */
const QUIET_MS = 30_000;

/** Thins out messages that come again and again. */
export interface Repeats {
  /** @returns how often it was held back since it was last let through; undefined: this time it is held back, too */
  letThrough(message: string, nowMs: number): number | undefined;
  /** @returns the messages that were held back since they were last let through, and how often */
  heldBack(): (readonly [message: string, count: number])[];
}

/** Lets a message through when it is new, or was let through a while ago, and counts it otherwise. */
export function thinOutRepeats(): Repeats {
  const byMessage = new Map<string, { letThroughAtMs: number; heldBack: number }>();
  return {
    letThrough(message, nowMs) {
      const before = byMessage.get(message);
      if (before !== undefined && nowMs - before.letThroughAtMs < QUIET_MS) {
        before.heldBack += 1;
        return undefined;
      }
      byMessage.set(message, { letThroughAtMs: nowMs, heldBack: 0 });
      return before?.heldBack ?? 0;
    },
    heldBack: () =>
      [...byMessage].flatMap(([message, { heldBack }]) => (heldBack > 0 ? [[message, heldBack] as const] : [])),
  };
}
