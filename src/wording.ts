/** How many things a sentence lists. */
export const LISTED = 20;

/** `1 row`, `1,234 rows`: a number and what it counts, for a sentence. The plural has to be a regular one. */
export function counted(count: number, noun: string): string {
  return `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`;
}

/**
 * `3, 5, 8 and 17 more`: the first 20 of a list, for a sentence.
 *
 * @param total how many there are, where only the first of them are at hand
 */
export function listed(items: readonly string[], total = items.length): string {
  const named = items.slice(0, LISTED);
  const more = total - named.length;
  return `${named.join(', ')}${more > 0 ? ` and ${more.toLocaleString('en')} more` : ''}`;
}
