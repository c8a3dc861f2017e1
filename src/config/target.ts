import type { Queryable } from '../database/database.ts';
import { identifier, nameForPeople, quoted, raw, type Sql, sql } from '../database/sql.ts';
import { ConfigurationError } from '../errors/errors.ts';
import type { DataModel, Model } from './data-model.ts';
import { type RecordTables, recordTablesOf } from './record-tables.ts';
import { describeCondition, scopeCondition } from './scope.ts';
import { LEAST_BITS, type TokenKind } from './token-kinds.ts';

/** The rows to rotate: a table, its key and token columns, and the kind of the new tokens. */
export interface Target {
  /** `shop.sessions.token_hash by id as sha256(uuid) where …`: what its rotations are recorded as; no other resumes them. */
  readonly label: string;
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
  readonly key: Column;
  readonly token: Column;
  readonly kind: TokenKind;
  /** Which rows; null: all of them. */
  readonly scope: Sql | null;
  readonly afterBatch: AfterBatch | null;
  /** Tables in which its rotations are recorded. */
  readonly records: RecordTables;
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
}

/** A row that was rotated. */
export interface RotatedRow {
  /** As Prisma has it: a number where the field is an Int, a bigint where it is a BigInt, else a string. */
  key: number | bigint | string;
  /** The token to hand to its holder. It must not be logged. */
  token: string;
}

/**
 * Runs in the transaction of each batch after its tokens are written. What it writes through `transaction` exists exactly
 * once for each rotated row, or not at all. Anything else may happen more than once, or in vain, since a batch may be
 * rolled back and retried.
 */
export type AfterBatch = (transaction: Queryable, rows: RotatedRow[]) => Promise<unknown>;

/** A target as it is written down, in the names of the Prisma schema. */
export interface TargetDefinition {
  model: string;
  key: string;
  token: string;
  kind: TokenKind;
  scope?: object | undefined;
  acceptWeakTokens?: boolean | undefined;
  afterBatch?: AfterBatch | undefined;
}

/**
 * Finds table and columns of a target.
 *
 * @param databaseSchema where tables are that the Prisma schema names no schema of: the one that Prisma's queries use
 * @throws ConfigurationError naming what is not in the Prisma schema, or cannot be rotated
 */
export function resolveTarget(
  definition: TargetDefinition,
  dataModel: DataModel,
  databaseSchema = DEFAULT_SCHEMA,
): Target {
  const model = own(dataModel.models, definition.model);
  if (model === undefined) {
    throw new ConfigurationError(`the Prisma schema has no model ${definition.model}. ${has(dataModel.models)}`);
  }
  const schema = model.schema ?? databaseSchema;
  const bareName = model.dbName ?? definition.model;
  const relation = [schema, bareName].map(quoted).join('.');
  const tableName = [...(schema === DEFAULT_SCHEMA ? [] : [schema]), bareName].map(nameForPeople).join('.');
  const columns = columnsOf(model, tableName);
  const named = (field: string): Column => {
    const column = own(columns, field);
    if (column !== undefined) return column;
    throw new ConfigurationError(`model ${definition.model} has no field ${field} with a column. ${has(columns)}`);
  };
  const [key, token] = [named(definition.key), named(definition.token)];
  refuseUnfit(definition, key, token);
  const scope = definition.scope && scopeOf(definition.scope, model, columns, token);
  return {
    label: labelOf(key, token, definition, scope?.label),
    tableName,
    relation,
    schema,
    bareName,
    table: raw(relation),
    from: sql`${raw(relation)} AS target`,
    key,
    token,
    kind: definition.kind,
    scope: scope?.condition ?? null,
    afterBatch: definition.afterBatch ?? null,
    records: recordTablesOf(dataModel, databaseSchema),
  };
}

/** The one that goes without saying. */
export const DEFAULT_SCHEMA = 'public';

/** The token's column as a rotation is recorded of it: `"shop"."sessions"."token_hash"`. */
export function tokenColumnOf({ relation, token }: Target): string {
  return `${relation}.${quoted(token.name)}`;
}

/** A token column as text, which a kind's patterns match. */
export function storedText({ type, sql: token }: Column): Sql {
  return type === 'Bytes' ? sql`encode(${token}, 'hex')` : sql`${token}::text`;
}

/** By the name of their field. */
type Columns = Record<string, Column>;

function columnsOf({ fields }: Model, tableName: string): Columns {
  const columns = fields
    .filter(({ kind }) => kind !== 'object')
    .map(({ name: field, dbName, type }): [string, Column] => {
      const name = dbName ?? field;
      const fullName = `${tableName}.${nameForPeople(name)}`;
      return [field, { name, fullName, sql: sql`target.${identifier(name)}`, field, type }];
    });
  return Object.fromEntries(columns);
}

/** Ignores what every object inherits, such as `constructor`. */
function own<Value>(record: Record<string, Value>, name: string): Value | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}

/** `It has Ticket, User.` */
function has(names: object): string {
  return `It has ${Object.keys(names).join(', ')}.`;
}

/** A rotation with another key, kind, scope, or without `afterBatch`, is another rotation. */
function labelOf(
  key: Column,
  token: Column,
  { kind, afterBatch }: TargetDefinition,
  scope: string | undefined,
): string {
  return [
    `${token.fullName} by ${nameForPeople(key.name)}`,
    ...(kind.name === 'uuid' ? [] : [`as ${kind.name}`]), // a plain UUID need not be said
    ...(afterBatch === undefined ? [] : ['with afterBatch']),
    ...(scope === undefined ? [] : [`where ${scope}`]),
  ].join(' ');
}

function refuseUnfit({ kind, acceptWeakTokens }: TargetDefinition, key: Column, token: Column): void {
  if (!KEY_TYPES.includes(key.type)) {
    throw new ConfigurationError(
      `${key.fullName} is a field of type ${key.type}; a key must be ${KEY_TYPES.join(', ')}.`,
    );
  }
  if (key.name === token.name) {
    throw new ConfigurationError(`${key.fullName} cannot be both key and token.`);
  }
  if (token.type !== 'String' && !(token.type === 'Bytes' && kind.isHashed)) {
    throw new ConfigurationError(
      `${token.fullName} is a field of type ${token.type}; a token must be a String, or a hash in Bytes.`,
    );
  }
  if (kind.bits < LEAST_BITS && acceptWeakTokens !== true) {
    throw new ConfigurationError(
      `tokens of kind ${kind.name} have ${kind.bits} bits that cannot be guessed, fewer than the ${LEAST_BITS} of a UUID. ` +
        'Make them longer, or accept this with acceptWeakTokens: true.',
    );
  }
}

const KEY_TYPES = ['Int', 'BigInt', 'String'];

function scopeOf(where: object, { fields }: Model, columns: Columns, token: Column) {
  const conditionOn = (sqlOf: (column: Column) => Sql) =>
    scopeCondition(where, (field, value) => {
      const column = own(columns, field);
      if (column === token && !asksWhetherItIsThere(value)) {
        throw new ConfigurationError(`a scope may only test whether the token is set: { ${field}: { not: null } }.`);
      }
      if (fields.some(({ name, isMappedEnum }) => name === field && isMappedEnum)) {
        throw new ConfigurationError(
          `a scope cannot use ${field}: its enum has @map, so its values have other names in the database. Use another field.`,
        );
      }
      return column && sqlOf(column);
    });
  return {
    condition: conditionOn((column) => column.sql),
    label: describeCondition(conditionOn(({ name }) => raw(nameForPeople(name)))),
  };
}

/** @returns true if it is `{ not: null }` */
function asksWhetherItIsThere(filter: unknown): boolean {
  return (
    typeof filter === 'object' &&
    filter !== null &&
    Object.keys(filter).join() === 'not' &&
    'not' in filter &&
    filter.not === null
  );
}

/** A key as Prisma has it. */
export function keyOf({ key }: Target, text: string): RotatedRow['key'] {
  if (key.type === 'String') return text;
  return key.type === 'BigInt' ? BigInt(text) : Number(text);
}
