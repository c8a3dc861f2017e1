import { storedText, type Target } from '../config/target.ts';
import { storedHash } from '../config/tokens.ts';
import type { RotationContext } from '../context.ts';
import type { Queryable } from '../database/database.ts';
import { retry } from '../database/retry.ts';
import { rowTablesOf } from '../database/row-tables.ts';
import { sql } from '../database/sql.ts';
import { readColumnType } from '../preflight/columns.ts';
import { readByIndex } from './read-only.ts';
import { digestIn } from './spellings.ts';
import { type Census, holdsSha256, type Storage } from './stored-forms.ts';
import { profileOf, type TokenProfile } from './token-profile.ts';

/** The token column as a leaked list is compared with it. */
export interface StoredColumn {
  readonly storage: Storage;
  /** Makes what a hash function of the project stores of a token; null: it has none, or makes another each time. */
  readonly hash: HashFunction | null;
  /** Common properties of its values, hashes apart; null: nothing to compare with. */
  readonly profile: TokenProfile | null;
  /** Of the values in the sample, how many are there, and how many of them are SHA-256 hashes. */
  readonly sampled: number;
  readonly hashes: number;
}

/** @returns the hash as the column is compared with it */
export type HashFunction = (token: string) => Promise<string>;

/** Rows of the sample from each end of the key order. */
const ROWS_FROM_EACH_END = 500;

/** Rows of the sample from pages of the table taken at random, and how many pages. */
const ROWS_AT_RANDOM = 1_000;
const PAGES_AT_RANDOM = 50;

/** Size of a page of a table in bytes, unless the server was built otherwise. */
const PAGE_BYTES = 8_192;

/** Number of characters of a value that are read. */
const MAX_VALUE_LENGTH = 8_192;

/** Largest table whose values are all read, in bytes: that takes a few seconds. */
const MAX_CENSUS_BYTES = 2_000_000_000;

/** Types whose values are equal only if their characters are. */
const EXACT_TEXT = ['text', 'character varying', 'character'];

/** Reads a sample of the column, by index and at random. None of it leaves this process, nor outlives the call. */
export async function readStoredColumn(context: RotationContext): Promise<StoredColumn> {
  const { database, target } = context;
  const column = await retry(context, () => readColumnType(database, target, target.token));
  const storage = storageOf(target, column?.baseType);
  const values = (await retry(context, () => readByIndex(database, (transaction) => sample(transaction, target)))).map(
    (value) => (storage === 'hashed bytes' ? textOfBytes(value) : value),
  );
  const isHashed = holdsSha256(storage);
  const tokens = isHashed ? values.filter((value) => digestIn(value) === undefined) : values;
  return {
    storage,
    hash: await ownHash(target),
    profile: storage === 'uuid' ? null : profileOf(tokens),
    sampled: values.length,
    hashes: isHashed ? values.length - tokens.length : 0,
  };
}

/** A salted hash cannot be looked up: of the same token it is another each time. */
async function ownHash({ kind, token }: Target): Promise<HashFunction | null> {
  const { hash } = kind;
  if (hash === null || !hash.isOwn) return null;
  const make: HashFunction = async (text) => {
    const stored = storedHash(await hash.of(text), hash, token);
    return token.type === 'Bytes' ? `\\x${stored}` : stored;
  };
  const [sample = ''] = kind.make(1);
  const first = await make(sample);
  return first === (await make(sample)) ? make : null;
}

function storageOf({ kind, token }: Target, baseType: string | undefined): Storage {
  if (kind.hash?.isOwn) return token.type === 'Bytes' ? 'own bytes' : 'own text';
  if (token.type === 'Bytes') return 'hashed bytes';
  if (kind.hash !== null) return 'hashed text';
  return baseType === 'uuid' ? 'uuid' : 'text';
}

async function sample(transaction: Queryable, { from, relation, key, token }: Target): Promise<string[]> {
  const value = sql`left(${storedText(token)}, ${MAX_VALUE_LENGTH}::int) AS value`;
  const isThere = sql`${token.sql} IS NOT NULL`;
  const [table] = await transaction.$queryRaw<{ percent: number }[]>`
    SELECT least(100, 100.0 * ${PAGES_AT_RANDOM}::int * ${PAGE_BYTES}::int / greatest(1, sum(pg_relation_size(oid))))::float8 AS percent
    FROM ${rowTablesOf({ relation })} AS tables HAVING count(*) > 0`;
  const atRandom = table
    ? sql`UNION ALL (SELECT ${value} FROM ${from} TABLESAMPLE SYSTEM (${table.percent}::float8) WHERE ${isThere} LIMIT ${ROWS_AT_RANDOM})`
    : sql``;
  const rows = await transaction.$queryRaw<{ value: string }[]>`
    (SELECT ${value} FROM ${from} WHERE ${isThere} ORDER BY ${key.ascending} LIMIT ${ROWS_FROM_EACH_END})
    UNION ALL (SELECT ${value} FROM ${from} WHERE ${isThere} ORDER BY ${key.descending} LIMIT ${ROWS_FROM_EACH_END})
    ${atRandom}`;
  return rows.map((row) => row.value).filter((text) => text !== '');
}

/** Bytes are a hash, or the characters of something else. */
function textOfBytes(hex: string): string {
  return digestIn(hex) === undefined ? Buffer.from(hex, 'hex').toString() : hex;
}

/**
 * Looks at every value of the column, in one pass that takes about half a second for a million rows. What no row has
 * then need not be looked up, which spares a long list most of its lookups.
 *
 * @returns null where the table is too large, or its type compares in another way
 */
export async function takeCensus(context: RotationContext, storage: Storage): Promise<Census | null> {
  const { database, target } = context;
  const column = await retry(context, () => readColumnType(database, target, target.token));
  const isText = EXACT_TEXT.includes(column?.baseType ?? '');
  if (!isText && storage !== 'hashed bytes') return null;
  const rows = await retry(context, () => readByIndex(database, (transaction) => census(transaction, target, isText)));
  return rows === null ? null : { byLength: new Map(rows.map(({ length, ...cases }) => [length, cases])) };
}

interface CensusRow {
  length: number;
  hasUpper: boolean;
  hasLower: boolean;
}

async function census(transaction: Queryable, { from, relation, token }: Target, isText: boolean) {
  const [table] = await transaction.$queryRaw<{ isSmall: boolean }[]>`
    SELECT sum(pg_table_size(oid)) <= ${MAX_CENSUS_BYTES}::bigint AS "isSmall" FROM ${rowTablesOf({ relation })} AS tables`;
  if (table?.isSmall !== true) return null;
  const value = isText ? sql`${token.sql}::text COLLATE "C"` : token.sql;
  const has = (letters: string) => (isText ? sql`bool_or(${value} ~ ${letters})` : sql`true`);
  return transaction.$queryRaw<CensusRow[]>`
    SELECT octet_length(${value}) AS length, ${has('[A-F]')} AS "hasUpper", ${has('[a-f]')} AS "hasLower"
    FROM ${from} WHERE ${token.sql} IS NOT NULL GROUP BY 1`;
}
