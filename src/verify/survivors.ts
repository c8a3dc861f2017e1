import type { Key } from '../checkpoint/checkpoints.ts';
import { keyOrder } from '../checkpoint/key-order.ts';
import { inScope } from '../config/target.ts';
import type { RotationContext } from '../context.ts';
import { arrayLiteral } from '../database/array-literal.ts';
import { chunksOf } from '../database/chunks.ts';
import { retry } from '../database/retry.ts';
import { ownSession } from '../database/session.ts';
import { empty, sql } from '../database/sql.ts';
import { condemnedLines } from './condemned-entries.ts';
import { isInGrace } from './grace-period.ts';
import type { LeakedText } from './leaked-entry.ts';
import { collectUnreadable, type LeakedChunk, type UnreadableLines } from './leaked-list.ts';
import { readByIndex } from './read-only.ts';
import { readableEntries } from './readable.ts';
import { spellingsOf } from './spellings.ts';
import { readStoredColumn, type StoredColumn, takeCensus } from './stored-column.ts';
import { type Census, holdsSha256 } from './stored-forms.ts';

/** Chunks looked up at a time, each on its own connection: enough to keep reader and server busy. */
export const LOOKUPS_AT_A_TIME = 2;

/** Number of keys that are kept. */
const MAX_KEYS = 1_000;

/** Values that one statement looks up: a twentieth of a second. */
const VALUES_PER_LOOKUP = 20_000;

/** Entries after which it pays to find out which forms the column has at all. */
const ENTRIES_BEFORE_CENSUS = 40_000;

/** Result of looking up leaked tokens. */
export interface LeakedTokens {
  /** Number of tokens looked up; a token that is in the list twice counts twice. */
  checked: number;
  /** Lines in which there is no token, or none of a form that the column has. */
  unreadable: UnreadableLines;
  /** Rows in the target's scope that still have a leaked token. */
  survivors: Rows;
  /** Rows outside the target's scope that have one. */
  outOfScope: Rows;
  /** `empty`: no row has a token. `unknown`: hashes were expected, and none of the values is one in a known form. */
  column: 'known' | 'partly unknown' | 'unknown' | 'empty';
}

export interface Rows {
  /** Each row once; above 1,000, a row whose token is in the list twice, in places far apart, may count twice. */
  count: number;
  /** The keys of up to 1,000 of them, in key order. */
  keys: string[];
}

export interface LookUpOptions {
  /** Takes every line for a token, whatever its form: the rotation has given the tokens another. @default false */
  allowsOtherForm?: boolean;
}

/**
 * Looks leaked tokens up in the table, by the index on the token, a few chunks at a time: memory does not depend on
 * their number. Every form is looked up that the column may hold an entry in. Nothing is written.
 *
 * @param chunks as they come from readLeakedList; closed at the end, however it ends
 * @param onChecked called after each chunk with the number of tokens looked up, and of rows that had one of them
 * @throws ConfigurationError when the list turns out to be unreadable
 * @throws GaveUpError when a fault did not pass in time
 * @throws AbortError between two chunks when the signal was aborted
 */
export async function findSurvivors(
  given: RotationContext,
  chunks: AsyncIterableIterator<LeakedChunk>,
  onChecked: (checked: number, survivors: number) => void = () => {},
  { allowsOtherForm = false }: LookUpOptions = {},
): Promise<LeakedTokens> {
  const context = { ...given, database: ownSession(given.database) };
  let checked = 0;
  const [unreadable, survivors, outOfScope] = [collectUnreadable(), collectRows(), collectRows()];
  const values = valuesOfList(context, { allowsOtherForm });
  // Each takes the next chunk when it is done with its last one; when one fails, the iterator ends for the other.
  const lookUpChunks = async () => {
    for await (const chunk of chunks) {
      context.signal.throwIfAborted();
      const { forms, unlike } = await values.of(chunk);
      for (const slice of slicesOf(forms)) {
        for (const { key, isInScope } of await lookUp(context, slice)) (isInScope ? survivors : outOfScope).add(key);
      }
      const lost = await neverTokens(context, await values.column(), unlike);
      unreadable.add([...chunk.unreadable, ...lost]);
      checked += chunk.entries.length - lost.length;
      onChecked(checked, survivors.count() + outOfScope.count());
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: LOOKUPS_AT_A_TIME }, lookUpChunks));
  const failure = ends.find((end) => end.status === 'rejected');
  if (failure) throw failure.reason;
  return {
    checked,
    unreadable: unreadable.result(),
    survivors: { count: survivors.count(), keys: await inOrder(context, survivors.keys()) },
    outOfScope: { count: outOfScope.count(), keys: await inOrder(context, outOfScope.keys()) },
    column: knowledgeOf(await values.column()),
  };
}

/** The values of the column that a piece of a list stands for. */
interface ListedValues {
  /** In every form that the column may hold them in. */
  forms: string[];
  /** Entries that look like no token of the column. */
  unlike: readonly LeakedText[];
}

/** Reads what the column looks like when the first piece comes, and translates each piece. */
export function valuesOfList(context: RotationContext, { allowsOtherForm = false }: LookUpOptions) {
  let reading: Promise<StoredColumn> | undefined;
  // Not before the first chunk: a list that was never begun cannot be closed.
  const column = () => (reading ??= readStoredColumn(context));
  const census = censusWhenItPays(context);
  return {
    column,
    async of({ entries }: LeakedChunk): Promise<ListedValues> {
      const known = await census(await column(), entries.length);
      const { forms, unlike } = readableEntries(await column(), entries, known, allowsOtherForm);
      return { forms: [...forms, ...(await hashesOf(await column(), entries))], unlike };
    },
  };
}

/** Cuts values into the lists of the statements that look them up, as PostgreSQL reads an array. */
export function slicesOf(forms: readonly string[]): string[] {
  return chunksOf(forms, VALUES_PER_LOOKUP).map(arrayLiteral);
}

/** A short list is looked up in every form; a long one only in those that the column has. */
function censusWhenItPays(context: RotationContext) {
  let entries = 0;
  let census: Promise<Census | null> | undefined;
  return async ({ storage }: StoredColumn, more: number): Promise<Census | null> => {
    entries += more;
    if (storage === 'uuid' || entries <= ENTRIES_BEFORE_CENSUS) return null;
    census ??= takeCensus(context, storage);
    return census;
  };
}

/** Of entries that look like no token of the column, the lines of those that no rotation has known as one either. */
async function neverTokens(context: RotationContext, { storage }: StoredColumn, unlike: readonly LeakedText[]) {
  const lines = unlike.map(({ line }) => line);
  if (storage === 'uuid' || lines.length === 0) return lines;
  const condemned = await condemnedLines(context, storage, unlike);
  return lines.filter((line) => !condemned.has(line));
}

/** If the project hashes tokens with a function of its own, what it stores of each entry. */
async function hashesOf({ hash }: StoredColumn, entries: readonly LeakedText[]): Promise<string[]> {
  if (hash === null) return [];
  return Promise.all(entries.flatMap(({ text }) => spellingsOf(text).map(hash)));
}

interface FoundRow {
  key: Key;
  isInScope: boolean;
}

/** @param list of `slicesOf` */
function lookUp(context: RotationContext, list: string): Promise<FoundRow[]> {
  const { from, key, token, grace } = context.target;
  return retry(context, () =>
    readByIndex(
      context.database,
      (transaction) => transaction.$queryRaw<FoundRow[]>`
        SELECT ${key.text} AS key, ${inScope(context.target)} AS "isInScope"
        FROM ${from} WHERE ${token.sql} = ANY (${list})
          ${grace === null ? empty : sql`OR ${grace.token.sql} = ANY (${list}) AND ${isInGrace(grace)}`}`,
    ),
  );
}

/** @returns the keys of the rows in scope whose token is in the list. @param list of `slicesOf` */
export function keysOfListed(context: RotationContext, list: string): Promise<Key[]> {
  const { target, database } = context;
  return retry(context, () =>
    readByIndex(database, async (transaction) => {
      const rows = await transaction.$queryRaw<{ key: Key }[]>`
        SELECT ${target.key.text} AS key FROM ${target.from}
        WHERE ${target.token.sql} = ANY (${list}) AND ${inScope(target)} ORDER BY ${target.key.ascending}`;
      return rows.map(({ key }) => key);
    }),
  );
}

function knowledgeOf({ storage, sampled, hashes }: StoredColumn): LeakedTokens['column'] {
  if (sampled === 0) return 'empty';
  if (!holdsSha256(storage) || hashes === sampled) return 'known';
  return hashes === 0 ? 'unknown' : 'partly unknown';
}

async function inOrder(context: RotationContext, keys: Key[]): Promise<Key[]> {
  const order = await retry(context, () => keyOrder(context.database, context.target, keys));
  return keys.sort((a, b) => order(a) - order(b));
}

function collectRows() {
  const kept = new Set<Key>();
  let notKept = 0;
  return {
    add(key: Key): void {
      if (kept.size < MAX_KEYS) kept.add(key);
      else if (!kept.has(key)) notKept += 1;
    },
    count: () => kept.size + notKept,
    keys: () => [...kept],
  };
}
