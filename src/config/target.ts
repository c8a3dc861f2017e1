import { arrayLiteral } from '../database/array-literal.ts';
import type { Queryable } from '../database/database.ts';
import { empty, identifier, quoted, type Sql, sql } from '../database/sql.ts';
import { rowOf, type TargetKey } from './key.ts';
import type { RecordTables } from './record-tables.ts';
import type { TokenKind } from './token-kinds.ts';

/** The rows to rotate: a table, its key and token columns, and the kind of the new tokens. */
export interface Target {
  /** `shop.sessions.token_hash by id as sha256(uuid) where …`: what its rotations are recorded as; no other resumes them. */
  readonly label: string;
  /** The model in the Prisma schema. */
  readonly model: string;
  /** The table as people write it: `tickets`, `shop."Invite"`. */
  readonly tableName: string;
  /** The table with its schema, quoted, as `to_regclass` takes it. */
  readonly relation: string;
  /** The schema that the table is in. */
  readonly schema: string;
  /** The table's own name, without its schema. */
  readonly bareName: string;
  /** The table in a statement. */
  readonly table: Sql;
  /** The table in a statement that calls it `target`, as columns and scope expect. */
  readonly from: Sql;
  readonly key: TargetKey;
  readonly token: Column;
  readonly kind: TokenKind;
  /** Which rows; null: all of them. */
  readonly scope: Scope | null;
  /** Values of other columns, by the names of their fields. */
  readonly set: SetValues | null;
  /** Columns that get the time of the batch. */
  readonly touched: readonly Column[];
  /** Where the old token is kept for a while; null: nowhere. */
  readonly grace: Grace | null;
  readonly afterBatch: AfterBatch | null;
  /** True if `afterBatch` gets the old tokens, too. */
  readonly withOldTokens: boolean;
  /** All columns, by the names of their fields. */
  readonly columns: ReadonlyMap<string, Column>;
  /** The relations of the Prisma schema that the token is part of: a database need not know of them. */
  readonly relations: readonly TokenRelation[];
  /** Tables in which its rotations are recorded. */
  readonly records: RecordTables;
}

/** A relation that a token is part of. */
export interface TokenRelation {
  /** As in the Prisma schema: `Login.apiKey`. */
  readonly label: string;
  /** The table that holds the other's values, with its schema, quoted. */
  readonly relation: string;
  /** True if that is the token's own: the token is one of another table. */
  readonly isOwn: boolean;
}

/** A grace period, in which the old token of a row is valid, too. */
export interface Grace {
  /** The column that the old token goes to. */
  readonly token: Column;
  /** The column with the end of the period. */
  readonly until: Column;
  readonly durationMs: number;
}

/** The rows of a target that are rotated. */
export interface Scope {
  /** Selects their keys, under the names of the key's columns. */
  readonly keys: Sql;
  /** True if none of them is without a token. */
  readonly requiresToken: boolean;
  /** True if none of them is of after a moment, and so may be inserted while a rotation runs. */
  readonly endsInTime: boolean;
}

/** A column of a target's table. */
export interface Column {
  /** As it is in the database. */
  readonly name: string;
  /** With the table's name, as people write it: `tickets.token`. */
  readonly fullName: string;
  /** In a statement that calls the table `target`. */
  readonly sql: Sql;
  /** The name of its field in the Prisma schema. */
  readonly field: string;
  /** The type of its field in the Prisma schema. */
  readonly type: string;
  /** Of an enum: its values in the database, by their names in the Prisma schema. Null: it is none. */
  readonly enumValues: ReadonlyMap<string, string> | null;
}

/** A Date where the field is a DateTime, which only a key of several fields has. */
export type KeyPart = number | bigint | string | Date;

/** A row that was rotated. */
export interface RotatedRow {
  /**
   * As Prisma has it: a number where the field is an Int, a bigint where it is a BigInt, else a string. A key of several
   * fields is an object of them.
   */
  key: KeyPart | Record<string, KeyPart>;
  /** The token to hand to its holder. It must not be logged. */
  token: string;
  /** What the column held before, with `withOldTokens` only: a text, or bytes. It must not be logged. */
  oldToken?: string | Uint8Array | null;
}

/** Makes the values of other columns for a row, by the names of their fields. */
export type SetValues = (row: RotatedRow) => Record<string, unknown>;

/**
 * Runs in the transaction of each batch after its tokens are written. What it writes through `transaction` exists exactly
 * once for each rotated row, or not at all. Anything else may happen more than once, or in vain, since a batch may be
 * rolled back and retried.
 */
export type AfterBatch = (transaction: Queryable, rows: RotatedRow[]) => Promise<unknown>;

/** A target as it is written down, in the names of the Prisma schema. */
export interface TargetDefinition {
  model: string;
  key: string | readonly string[];
  token: string;
  kind: TokenKind;
  acceptWeakTokens?: boolean | undefined;
  set?: SetValues | undefined;
  touch?: string | string[] | undefined;
  grace?: { token: string; until: string; for: string } | undefined;
  withOldTokens?: boolean | undefined;
  afterBatch?: AfterBatch | undefined;
}

/** The one that goes without saying. */
export const DEFAULT_SCHEMA = 'public';

/** The token's column as a rotation is recorded of it: `"shop"."sessions"."token_hash"`. */
export function tokenColumnOf({ relation, token }: Target): string {
  return `${relation}.${quoted(token.name)}`;
}

/** A token column as text, which a kind's patterns match. */
export function storedText({ type, sql: token }: Column): Sql {
  return type === 'Bytes' ? sql`encode(${token}, 'hex')` : sql`${token}::text COLLATE "C"`;
}

/** The condition that a token matches one of a kind's patterns, as it is stored; null where there is no token. */
export function matchesOne(token: Column, patterns: readonly string[]): Sql {
  return sql`${storedText(token)} LIKE ANY (${arrayLiteral(patterns)}::text[])`;
}

/** The columns that an update writes, but for those of `set`: only its rows tell which these are. */
export function writtenColumns({ token, touched, grace }: Target): Column[] {
  return [token, ...touched, ...(grace === null ? [] : [grace.token, grace.until])];
}

/** @param values as an array's text. An empty array of the column gives them the column's type and collation */
export function arrayOf({ from }: Pick<Target, 'from'>, column: Column, values: string): Sql {
  return sql`(ARRAY(SELECT ${column.sql} FROM ${from} LIMIT 0) || ${values})`;
}

/** @param keys the text of an array for each column of the key */
export function keyArrays(target: Pick<Target, 'from' | 'key'>, keys: readonly string[]): Sql[] {
  return target.key.columns.map((column, index) => arrayOf(target, column, keys[index] ?? '{}'));
}

/** A condition on keys: that they are in a range, say. */
export type KeyCondition = (key: Sql) => Sql;

/**
 * The condition that a row is in the target's scope.
 *
 * @param rows those that are looked at: the same condition on the scope's own keys keeps it from being read whole
 */
export function inScope({ key, scope }: Target, rows?: KeyCondition): Sql {
  if (scope === null) return sql`true`;
  const scopeKey = rowOf(key.columns.map(({ name }) => sql`scope.${identifier(name)}`));
  const bound = rows === undefined ? empty : sql` AND ${rows(scopeKey)}`;
  return sql`EXISTS (SELECT FROM (${scope.keys}) AS scope WHERE ${scopeKey} = ${key.sql}${bound})`;
}
