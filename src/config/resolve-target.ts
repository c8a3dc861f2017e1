import { identifier, nameForPeople, quoted, raw, sql } from '../database/sql.ts';
import { ConfigurationError } from '../errors/errors.ts';
import type { DataModel, Model } from './data-model.ts';
import { recordTablesOf } from './record-tables.ts';
import { type Column, DEFAULT_SCHEMA, type Target, type TargetDefinition } from './target.ts';
import { LEAST_BITS } from './token-kinds.ts';

/**
 * Finds table and columns of a target, with all its rows in scope.
 *
 * @param databaseSchema where tables are that the Prisma schema names no schema of: the one that Prisma's queries use
 * @throws ConfigurationError naming what is not in the Prisma schema, or cannot be rotated
 */
export function resolveTarget(
  definition: TargetDefinition,
  dataModel: DataModel,
  databaseSchema = DEFAULT_SCHEMA,
): Target {
  const models = new Map(Object.entries(dataModel.models));
  const model = models.get(definition.model);
  if (model === undefined) {
    throw new ConfigurationError(`the Prisma schema has no model ${definition.model}. ${has(models)}`);
  }
  const schema = model.schema ?? databaseSchema;
  const bareName = model.dbName ?? definition.model;
  const relation = [schema, bareName].map(quoted).join('.');
  const tableName = [...(schema === DEFAULT_SCHEMA ? [] : [schema]), bareName].map(nameForPeople).join('.');
  const columns = columnsOf(model, tableName);
  const named = (field: string): Column => {
    const column = columns.get(field);
    if (column !== undefined) return column;
    throw new ConfigurationError(`model ${definition.model} has no field ${field} with a column. ${has(columns)}`);
  };
  const [key, token] = [named(definition.key), named(definition.token)];
  refuseUnfit(definition, key, token);
  return {
    label: labelOf(key, token, definition),
    model: definition.model,
    tableName,
    relation,
    schema,
    bareName,
    table: raw(relation),
    from: sql`${raw(relation)} AS target`,
    key,
    token,
    kind: definition.kind,
    scope: null,
    afterBatch: definition.afterBatch ?? null,
    records: recordTablesOf(dataModel, databaseSchema),
  };
}

/** By the name of their field. */
type Columns = ReadonlyMap<string, Column>;

function columnsOf({ fields }: Model, tableName: string): Columns {
  const columns = fields
    .filter(({ kind }) => kind !== 'object')
    .map(({ name: field, dbName, type }): [string, Column] => {
      const name = dbName ?? field;
      const fullName = `${tableName}.${nameForPeople(name)}`;
      return [field, { name, fullName, sql: sql`target.${identifier(name)}`, field, type }];
    });
  return new Map(columns);
}

/** `It has Ticket, User.` */
function has(named: ReadonlyMap<string, unknown>): string {
  return `It has ${[...named.keys()].join(', ')}.`;
}

/** A rotation with another key, kind, scope, or without `afterBatch`, is another rotation. */
function labelOf(key: Column, token: Column, { kind, afterBatch }: TargetDefinition): string {
  return [
    `${token.fullName} by ${nameForPeople(key.name)}`,
    ...(kind.name === 'uuid' ? [] : [`as ${kind.name}`]), // a plain UUID need not be said
    ...(afterBatch === undefined ? [] : ['with afterBatch']),
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
