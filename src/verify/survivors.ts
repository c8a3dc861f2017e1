import { arrayLiteral } from '../array-literal.ts';
import type { Key } from '../checkpoint/checkpoints.ts';
import type { RotationContext } from '../context.ts';
import type { Finding } from '../finding.ts';
import { keyOrder } from '../key-order.ts';
import { readColumnType } from '../preflight/columns.ts';
import { retry } from '../retry.ts';
import type { Target } from '../target.ts';
import { hashOf } from '../token-kinds.ts';
import { countOf, listed } from '../wording.ts';
import type { LeakedChunk, LeakedType, Malformed } from './leaked-list.ts';
import { readByIndex } from './read-only.ts';

/** Chunks that are looked up at a time, each on a connection of its own: enough that nobody waits for anybody. */
export const LOOKUPS_AT_A_TIME = 2;

/** How many keys are kept. */
const MAX_KEYS = 1_000;

/** What has become of leaked tokens. */
export interface LeakedTokens {
  /** How many tokens were looked up; one that is in the list twice counts twice. */
  checked: number;
  malformed: Malformed;
  survivors: Survivors;
}

/** Rows that still have a leaked token. */
export interface Survivors {
  /** Each row once; above 1,000, a row whose token is in the list twice, in places far apart, may count twice. */
  count: number;
  /** The keys of up to 1,000 of them, in key order. */
  keys: string[];
}

/** What leaked tokens have to be, by the type of the column: anything where that is text. */
export async function leakedTypeOf(context: RotationContext): Promise<LeakedType> {
  const { database, target } = context;
  const column = await retry(context, () => readColumnType(database, target, target.token));
  return column?.baseType === 'uuid' ? 'uuid' : 'text';
}

/**
 * Looks leaked tokens up in the table, by the index on the token, a few chunks at a time: memory does not depend on
 * their number. Nothing is written.
 *
 * @param chunks as they come from readLeakedList; closed at the end, however it ends
 * @param onChecked told after each chunk how many tokens have been looked up, and how many rows had one of them
 * @throws ConfigurationError when the list turns out to be unreadable
 * @throws GaveUpError when a fault did not pass in time
 * @throws AbortError between two chunks when the signal was aborted
 */
export async function findSurvivors(
  context: RotationContext,
  chunks: AsyncIterableIterator<LeakedChunk>,
  onChecked: (checked: number, survivors: number) => void = () => {},
): Promise<LeakedTokens> {
  let checked = 0;
  let malformed: Malformed = { count: 0, lines: [] };
  const survivors = collectSurvivors();
  // Each takes the next chunk when it is done with its last one; when one fails, the iterator ends for the other.
  const lookUpChunks = async () => {
    for await (const chunk of chunks) {
      context.signal.throwIfAborted();
      if (chunk.malformed.count >= malformed.count) malformed = chunk.malformed;
      survivors.add(await lookUp(context, chunk.tokens));
      checked += chunk.tokens.length;
      onChecked(checked, survivors.count());
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: LOOKUPS_AT_A_TIME }, lookUpChunks));
  const failure = ends.find((end) => end.status === 'rejected');
  if (failure) throw failure.reason;
  return {
    checked,
    malformed,
    survivors: { count: survivors.count(), keys: await inOrder(context, survivors.keys()) },
  };
}

async function lookUp(context: RotationContext, tokens: readonly string[]): Promise<Key[]> {
  if (tokens.length === 0) return [];
  const { from, key, token } = context.target;
  const list = arrayLiteral(storedForms(context.target, tokens));
  const rows = await retry(context, () =>
    readByIndex(
      context.database,
      (transaction) => transaction.$queryRaw<{ key: Key }[]>`
        SELECT ${key.sql}::text AS key FROM ${from} WHERE ${token.sql} = ANY (${list})`,
    ),
  );
  return rows.map(({ key }) => key);
}

/** Where hashes are stored, a list may hold tokens, or what was leaked of them: their hashes. */
function storedForms({ kind, token }: Target, tokens: readonly string[]): readonly string[] {
  if (!kind.isHashed) return tokens;
  const hashes = tokens.map(hashOf);
  if (token.type !== 'Bytes') return [...tokens, ...hashes];
  return [...tokens.filter((each) => HASH.test(each)), ...hashes].map((digits) => `\\x${digits}`);
}

const HASH = /^[0-9a-f]{64}$/i;

async function inOrder(context: RotationContext, keys: Key[]): Promise<Key[]> {
  const order = await retry(context, () => keyOrder(context.database, context.target, keys));
  return keys.sort((a, b) => order(a) - order(b));
}

function collectSurvivors() {
  const kept = new Set<Key>();
  let notKept = 0;
  return {
    add(keys: readonly Key[]): void {
      for (const key of keys) {
        if (kept.size < MAX_KEYS) kept.add(key);
        else if (!kept.has(key)) notKept += 1;
      }
    },
    count: () => kept.size + notKept,
    keys: () => [...kept],
  };
}

/** What the leaked list has shown. */
export function survivorsFinding({ checked, malformed, survivors }: LeakedTokens): Finding {
  const check = 'leaked-list';
  const { count, lines } = malformed;
  const unread = count === 0 ? '' : `, ${countOf(count, 'line')} without one: ${listed(lines.map(String), count)}`;
  const facts = `${countOf(checked, 'token')} looked up${unread}`;
  if (survivors.count > 0) {
    const rows = `${countOf(survivors.count, 'row')}, by key: ${listed(survivors.keys, survivors.count)}`;
    return {
      check,
      level: 'stop',
      message: `Leaked tokens still work, on ${rows} (${facts}).`,
      advice: 'Another rotation, under another --name, gives every row a fresh token.',
    };
  }
  if (checked === 0) {
    return {
      check,
      level: 'warning',
      message: 'The leaked list is empty, so no token was looked up.',
      advice: 'Make sure that this is the list that was meant.',
    };
  }
  const message = `No leaked token works any more (${facts}).`;
  if (count === 0) return { check, level: 'ok', message };
  return { check, level: 'warning', message, advice: 'Look at these lines: what is in them was not looked up.' };
}
