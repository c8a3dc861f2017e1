/**
 * Profile of a column's values: lengths, characters and a common beginning. A leaked list that does not match it is most
 * likely another list. Pure functions; no part of a profile is ever shown.
 */
export interface TokenProfile {
  /** In characters; `null` where a list of lengths would say too little. */
  readonly lengths: ReadonlySet<number> | null;
  readonly shortest: number;
  readonly longest: number;
  /** Matches a text that has the characters, and the beginning, of the values. */
  readonly pattern: RegExp;
}

/** Values from which on their lengths, and a common beginning, are no coincidence. */
const ENOUGH_VALUES = 20;

/** Characters from which on one that none of the values has is no coincidence. */
const ENOUGH_CHARACTERS = 5_000;

/** Different lengths up to which tokens are taken to have no others. */
const FEW_LENGTHS = 4;

/** If lengths differ, a list may have half the shortest, or twice the longest. */
const TOLERANCE = 2;

/** Classes of characters, as a regular expression has them between brackets. */
const CLASSES = ['a-f', 'g-z', 'A-F', 'G-Z', '0-9', '\\s', '\\u0080-\\uffff'];

/** Usual characters of tokens: those of `token68` in RFC 7235, and the underscore. */
const USUAL = /^[\w.~+/=-]*$/;

/** A beginning that looks chosen: words, each followed by a separator. That of a time or a counter changes. */
const CHOSEN_PREFIX = /^(?:[A-Za-z]+[_.:-])+/;

/** @returns null when there is no value to learn from */
export function profileOf(values: readonly string[]): TokenProfile | null {
  if (values.length === 0) return null;
  const lengths = new Set(values.map(({ length }) => length));
  const isFixed =
    lengths.size === 1 ? values.length > 2 : values.length >= ENOUGH_VALUES && lengths.size <= FEW_LENGTHS;
  const sorted = [...lengths].sort((a, b) => a - b);
  return {
    lengths: isFixed ? lengths : null,
    shortest: Math.floor((sorted[0] ?? 0) / TOLERANCE),
    longest: (sorted.at(-1) ?? 0) * TOLERANCE,
    pattern: new RegExp(`^(?=${escaped(prefixOf(values))})[${alphabetOf(values)}]*$`),
  };
}

/** @returns true if a text could be one of the values */
export function hasForm({ lengths, shortest, longest, pattern }: TokenProfile, text: string): boolean {
  const hasLength = lengths === null ? text.length >= shortest && text.length <= longest : lengths.has(text.length);
  return hasLength && pattern.test(text);
}

/** Between the brackets of a regular expression. */
function alphabetOf(values: readonly string[]): string {
  const all = values.join('');
  if (all.length < ENOUGH_CHARACTERS && USUAL.test(all)) return '\\w.~+/=-';
  const classes = CLASSES.filter((each) => new RegExp(`[${each}]`).test(all));
  const others = [...new Set(all.match(/[!-/:-@[-`{-~]/g) ?? [])];
  return [...classes, ...others.map(escaped)].join('');
}

function prefixOf(values: readonly string[]): string {
  if (values.length < ENOUGH_VALUES) return '';
  const [first = ''] = values;
  let length = first.length;
  for (const value of values) while (!value.startsWith(first.slice(0, length))) length -= 1;
  return CHOSEN_PREFIX.exec(first.slice(0, length))?.[0] ?? '';
}

function escaped(text: string): string {
  return text.replace(/[^\w]/g, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`);
}
