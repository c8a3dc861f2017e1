/** @returns whether so many milliseconds have passed since it last said so, or since now */
export function every(intervalMs: number): () => boolean {
  let saidAtMs = performance.now();
  return () => {
    if (performance.now() - saidAtMs < intervalMs) return false;
    saidAtMs = performance.now();
    return true;
  };
}
