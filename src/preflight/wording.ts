/** How many names a sentence holds. */
const NAMES = 5;

/** `a, b, c, d, e and 3 more` */
export function nameAll(names: readonly string[]): string {
  const more = names.length - NAMES;
  return more > 0 ? `${names.slice(0, NAMES).join(', ')} and ${more} more` : names.join(', ');
}

/** `1 index`, `2 indexes` */
export function count(number: number, one: string, many = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`;
}

/** `120 kB`, `1.5 MB`, `12 GB`: decimal, with no more digits than help. */
export function formatBytes(bytes: number): string {
  if (bytes >= 1e9) return `${brief(bytes / 1e9)} GB`;
  return bytes >= 1e6 ? `${brief(bytes / 1e6)} MB` : `${brief(bytes / 1e3)} kB`;
}

/** `0.5 s`, `12 s`, `5 min`, `3 h` */
export function formatSeconds(seconds: number): string {
  if (seconds >= 7_200) return `${brief(seconds / 3_600)} h`;
  return seconds >= 120 ? `${brief(seconds / 60)} min` : `${brief(seconds)} s`;
}

/** One decimal below ten, none above. */
function brief(number: number): string {
  return String(number < 9.95 ? Math.round(number * 10) / 10 : Math.round(number));
}
