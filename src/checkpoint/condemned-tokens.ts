import type { Column, Target } from '../config/target.ts';
import { type Sql, sql } from '../database/sql.ts';
import type { RotationRecord } from './rotation-record.ts';

/**
 * The tokens that were valid when a rotation began, known by their hashes. A hash is 64 bits from PostgreSQL's own keyed
 * hash functions (`uuid_hash_extended`, `hashtextextended`), seeded at random for each rotation: of 50 million condemned
 * and as many fresh tokens, one fresh token is taken for a condemned one with a probability of 1 in 7,000.
 */
export interface CondemnedTokens {
  readonly rotation: string;
  readonly count: number;
  readonly hashedAs: HashedAs;
  /** The transaction that planned the rotation, and the table that it then was. */
  readonly planXid: bigint;
  readonly tableOid: bigint;
}

/** A piece of a list of leaked tokens, as the values of the column that they stand for. */
export interface ListedTokens {
  /** As PostgreSQL reads an array. */
  readonly values: string;
}

/** The hashes of a rotation's condemned tokens: their form, seed and buckets. */
export interface HashedAs {
  readonly form: NonNullable<RotationRecord['hashForm']>;
  readonly seed: bigint;
  /** A power of two. */
  readonly buckets: number;
}

/** Hashes in a bucket, on average: they stay in the row, and looking one up reads one of them. */
const HASHES_PER_BUCKET = 64;

/** Above it (a billion tokens) buckets get larger. */
const MOST_BUCKETS = 2 ** 24;

/** Bytes that a hash takes in the database, its share of row and index included (measured: 9.6 MB a million). */
export const BYTES_PER_HASH = 10;

/** @param tokens about how many there are */
export function bucketsFor(tokens: number): number {
  const needed = Math.max(1, tokens / HASHES_PER_BUCKET);
  return Math.min(MOST_BUCKETS, 2 ** Math.ceil(Math.log2(needed)));
}

/** @returns null for a rotation that was planned without condemned tokens */
export function condemnedTokensOf({
  name,
  condemned,
  hashForm: form,
  hashSeed: seed,
  hashBuckets: buckets,
  planXid,
  tableOid,
}: RotationRecord): CondemnedTokens | null {
  if (condemned === null || form === null || seed === null || buckets === null) return null;
  if (planXid === null || tableOid === null) return null;
  return { rotation: name, count: Number(condemned), hashedAs: { form, seed, buckets }, planXid, tableOid };
}

/** The form in which a token of such a column is hashed. @param baseType as the catalog names it */
export function hashFormOf(baseType: string): HashedAs['form'] {
  if (baseType === 'uuid' || baseType === 'citext') return baseType;
  return baseType === 'bytea' ? 'hex' : 'text';
}

/** What is hashed of a token. A token in a column of type citext is the same in capitals. */
const TEXT_OF: Record<Exclude<HashedAs['form'], 'uuid'>, (token: Sql) => Sql> = {
  text: (token) => sql`${token}::text`,
  citext: (token) => sql`lower(${token}::text)`,
  hex: (token) => sql`encode(${token}, 'hex')`,
};

/** The hash of a token, as SQL. Byte for byte, whatever the collation of the column. */
export function hashSql(token: Sql, { form, seed }: HashedAs): Sql {
  if (form === 'uuid') return sql`uuid_hash_extended(${token}, ${seed}::bigint)`;
  const text = TEXT_OF[form](token);
  return sql`hashtextextended(${text} COLLATE "C", ${seed}::bigint)`;
}

/** The bucket of a hash, as SQL. */
export function bucketSql(hash: Sql, { buckets }: HashedAs): Sql {
  return sql`(${hash} & ${buckets - 1}::bigint)::int`;
}

/** The condition that a token can be condemned at all: an empty token lets no one in. */
export function canBeCondemned({ sql: token }: Column, { form }: HashedAs): Sql {
  return form === 'uuid' ? sql`${token} IS NOT NULL` : sql`${token} IS NOT NULL AND ${token} <> ''`;
}

/** The condition that `condemned`, a row of the table, holds a hash. */
export function holds(hash: Sql, { rotation, hashedAs }: CondemnedTokens): Sql {
  return sql`condemned.rotation = ${rotation} AND condemned.bucket = ${bucketSql(hash, hashedAs)}
    AND ${hash} = ANY (condemned.hashes)`;
}

/**
 * The condition that a row of the target holds a condemned token: one whose hash is known, or one that a transaction
 * wrote that was open when the rotation was planned, and so could not be seen.
 */
export function isCondemnedSql(target: Target, condemned: CondemnedTokens | ListedTokens): Sql {
  const { token, records } = target;
  if ('values' in condemned) return sql`${token.sql} = ANY (${condemned.values})`;
  const hash = hashSql(token.sql, condemned.hashedAs);
  return sql`(
    ${isOlderThanPlan(target, condemned)}
    OR EXISTS (SELECT FROM ${records.condemnedTokens} AS condemned WHERE ${holds(hash, condemned)})
  )`;
}

/**
 * The condition that a row was not written since the rotation was planned. Transactions get their numbers in order;
 * `age` compares them as PostgreSQL does, across their wraparound. Those of another server, which a dump was loaded into,
 * mean nothing; there the table has another number.
 */
export function isOlderThanPlan({ relation }: Target, { planXid, tableOid }: CondemnedTokens): Sql {
  return sql`(${relation}::regclass = ${tableOid}::bigint::oid AND age(target.xmin) > ${ageOfPlan(planXid)})`;
}

/** The age of the transaction that planned a rotation, as SQL. */
export function ageOfPlan(planXid: bigint): Sql {
  return sql`age(${String(planXid % 2n ** 32n)}::text::xid)`;
}
