import type { Queryable } from './database.ts';

/** A stretch of the key range: everything above `after`, up to and including `upTo`. */
export interface KeyRange {
  /** Exclusive; null: from the first key. */
  after: bigint | null;
  /** Inclusive. */
  upTo: bigint;
}

/** Keys in ascending order, one at least. */
export interface Page {
  keys: bigint[];
  firstKey: bigint;
  lastKey: bigint;
}

/**
 * The next keys of a range (keyset pagination).
 *
 * Prisma's own `cursor` argument is no use here: it looks the cursor's row up first, and finds nothing at all when
 * that row has been deleted meanwhile.
 *
 * @param size the most keys to return
 * @returns null when the range has no more
 */
export async function nextPage(database: Queryable, range: KeyRange, size: number): Promise<Page | null> {
  const rows = await database.ticket.findMany({
    where: { id: range.after === null ? { lte: range.upTo } : { gt: range.after, lte: range.upTo } },
    orderBy: { id: 'asc' },
    take: size,
    select: { id: true },
  });
  const keys = rows.map((row) => row.id);
  const [firstKey] = keys;
  const lastKey = keys.at(-1);
  return firstKey === undefined || lastKey === undefined ? null : { keys, firstKey, lastKey };
}
