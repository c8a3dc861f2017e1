import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * How large the heap may grow before its garbage is collected, in bytes. What a rotation really holds is about 30 MB;
 * left alone, V8 lets five times as much garbage pile up, because it would rather have memory than pauses.
 */
const HEAP_LIMIT_BYTES = 48_000_000;

/**
 * Keeps the process small. Call it before the first query, and what it returns after every batch.
 *
 * Prisma's query compiler is WebAssembly: compiling it a second time, optimised, costs 40 MB outside the heap and wins
 * nothing, since a rotation sends the same few statements over and over.
 *
 * @returns collects garbage when there is much of it; takes a few milliseconds once in several batches
 */
export function keepMemorySmall(): () => void {
  setFlagsFromString('--liftoff-only');
  setFlagsFromString('--expose-gc');
  const collectGarbage: () => void = runInNewContext('gc');
  return () => {
    if (getHeapStatistics().used_heap_size > HEAP_LIMIT_BYTES) collectGarbage();
  };
}
