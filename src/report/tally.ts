/** Amounts by text, for at most `MOST_TEXTS` different texts; what comes after those is summed up as `OTHERS`. */
export type Tally = ReadonlyMap<string, number>;

export const MOST_TEXTS = 50;
export const OTHERS = 'others';

export const EMPTY_TALLY: Tally = new Map();

export function addToTally(tally: Tally, text: string, amount: number): Tally {
  const key = tally.has(text) || tally.size < MOST_TEXTS ? text : OTHERS;
  return new Map(tally).set(key, (tally.get(key) ?? 0) + amount);
}

/** The largest amounts first, whatever is summed up last. */
export function entriesOfTally(tally: Tally): [text: string, amount: number][] {
  return [...tally].sort(([a, x], [b, y]) => Number(a === OTHERS) - Number(b === OTHERS) || y - x);
}
