import { formatCount } from './format.ts';

/** `1 row`, `2,000 rows` */
export function countOf(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

export function wasOrWere(count: number): string {
  return count === 1 ? 'was' : 'were';
}

/** `a`, `a and b`, `a, b and c` */
export function listOf(parts: readonly string[]): string {
  return parts.length < 2 ? parts.join('') : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`;
}

/** Characters of a text that a line shows. */
const SHOWN = 300;

/** The text, or its beginning and how much is left out. */
export function shortened(text: string): string {
  return text.length <= SHOWN ? text : `${text.slice(0, SHOWN)}… (${countOf(text.length - SHOWN, 'more character')})`;
}

/** The text with a full stop, if it lacks one. */
export function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

/** Number of items that a sentence lists. */
export const LISTED = 20;

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
