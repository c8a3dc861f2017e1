import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * Garbage that may pile up before it is collected, in bytes. By default, V8 trades memory for fewer pauses and lets it
 * grow to several times what a rotation really holds (about 30 MB).
 */
const GARBAGE_LIMIT_BYTES = 12_000_000;

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
  let heldBytes = getHeapStatistics().used_heap_size;
  return () => {
    if (getHeapStatistics().used_heap_size < heldBytes + GARBAGE_LIMIT_BYTES) return;
    collectGarbage();
    heldBytes = getHeapStatistics().used_heap_size;
  };
}
