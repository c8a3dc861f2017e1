import { identifier, nameForPeople, quoted, raw, sql } from '../database/sql.ts';
import { ConfigurationError } from '../errors/errors.ts';
import type { DataModel, Model } from './data-model.ts';
import type { Enums } from './enums.ts';
import { keyOfColumns } from './key.ts';
import { recordTablesOf } from './record-tables.ts';
import {
  type Column,
  DEFAULT_SCHEMA,
  type Grace,
  type Target,
  type TargetDefinition,
  type TokenRelation,
} from './target.ts';
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
  const relation = relationOf(dataModel, definition.model, databaseSchema);
  const tableName = [...(schema === DEFAULT_SCHEMA ? [] : [schema]), bareName].map(nameForPeople).join('.');
  const columns = columnsOf(model, tableName, dataModel.enums ?? {});
  const named = (field: string): Column => {
    const column = columns.get(field);
    if (column !== undefined) return column;
    throw new ConfigurationError(`model ${definition.model} has no field ${field} with a column. ${has(columns)}`);
  };
  const keyColumns = [definition.key].flat().map(named);
  const token = named(definition.token);
  const touched = [definition.touch ?? []].flat().map(named);
  refuseUnfit(definition, keyColumns, token);
  refuseUntouchable(touched);
  return {
    label: labelOf(keyColumns, token, definition),
    model: definition.model,
    tableName,
    relation,
    schema,
    bareName,
    table: raw(relation),
    from: sql`${raw(relation)} AS target`,
    key: keyOfColumns(keyColumns, nameOfKey(keyColumns, tableName)),
    token,
    kind: definition.kind,
    scope: null,
    set: definition.set ?? null,
    touched,
    grace: graceOf(definition, token, named),
    afterBatch: definition.afterBatch ?? null,
    withOldTokens: definition.withOldTokens ?? false,
    columns,
    relations: relationsOf(definition, dataModel, databaseSchema),
    records: recordTablesOf(dataModel, databaseSchema),
  };
}

/** The table of a model with its schema, quoted. */
function relationOf({ models }: DataModel, name: string, databaseSchema: string): string {
  const model = models[name];
  return [model?.schema ?? databaseSchema, model?.dbName ?? name].map(quoted).join('.');
}

function relationsOf(
  { model, token }: TargetDefinition,
  dataModel: DataModel,
  databaseSchema: string,
): TokenRelation[] {
  return (dataModel.relations ?? []).flatMap((relation) => {
    const isOwn = relation.model === model && relation.fields.includes(token);
    const isReferred = relation.to === model && relation.references.includes(token);
    if (!isOwn && !isReferred) return [];
    const label = `${relation.model}.${relation.name}`;
    return [{ label, relation: relationOf(dataModel, relation.model, databaseSchema), isOwn }];
  });
}

/** By the name of their field. */
type Columns = ReadonlyMap<string, Column>;

function columnsOf({ fields }: Model, tableName: string, enums: Enums): Columns {
  const columns = fields
    .filter(({ kind }) => kind !== 'object')
    .map(({ name: field, dbName, type, kind }): [string, Column] => {
      const name = dbName ?? field;
      const fullName = `${tableName}.${nameForPeople(name)}`;
      const enumValues = kind === 'enum' ? (enums[type] ?? new Map()) : null;
      return [field, { name, fullName, sql: sql`target.${identifier(name)}`, field, type, enumValues }];
    });
  return new Map(columns);
}

/** `It has Ticket, User.` */
function has(named: ReadonlyMap<string, unknown>): string {
  return `It has ${[...named.keys()].join(', ')}.`;
}

/** A rotation with another key, kind, scope, or without what it writes besides the token, is another rotation. */
function labelOf(key: readonly Column[], token: Column, { kind, ...definition }: TargetDefinition): string {
  const besides = (['set', 'touch', 'grace', 'afterBatch'] as const).filter(
    (option) => definition[option] !== undefined,
  );
  return [
    `${token.fullName} by ${namesOf(key)}`,
    ...(kind.name === 'uuid' ? [] : [`as ${kind.name}`]), // a plain UUID need not be said
    ...(besides.length === 0 ? [] : [`with ${besides.join(', ')}`]),
  ].join(' ');
}

function namesOf(columns: readonly Column[]): string {
  return columns.map(({ name }) => nameForPeople(name)).join(', ');
}

function nameOfKey(columns: readonly Column[], tableName: string): string {
  const [only] = columns;
  return columns.length === 1 && only !== undefined ? only.fullName : `${tableName}.(${namesOf(columns)})`;
}

function refuseUnfit(definition: TargetDefinition, keyColumns: readonly Column[], token: Column): void {
  const { kind, acceptWeakTokens, withOldTokens, afterBatch } = definition;
  if (withOldTokens === true && afterBatch === undefined) {
    throw new ConfigurationError('withOldTokens is for afterBatch, which the target does not have.');
  }
  if (new Set(keyColumns).size < keyColumns.length || keyColumns.length === 0) {
    throw new ConfigurationError('key: must be the name of a field, or a list of different ones.');
  }
  const types = keyColumns.length > 1 ? [...KEY_TYPES, 'DateTime'] : KEY_TYPES;
  for (const key of keyColumns) {
    if (!types.includes(key.type)) {
      throw new ConfigurationError(
        `${key.fullName} is a field of type ${key.type}; a key must be ${types.join(', ')}.`,
      );
    }
    if (key.name === token.name) {
      throw new ConfigurationError(
        `${key.fullName} cannot be both key and token. If the table has no other key, add one: an autoincrement() field.`,
      );
    }
  }
  if (token.type !== 'String' && !(token.type === 'Bytes' && kind.hash !== null)) {
    throw new ConfigurationError(
      `${token.fullName} is a field of type ${token.type}; a token must be a String, or a hash in Bytes.`,
    );
  }
  if (token.type === 'Bytes' && kind.hash?.isOwn === false && kind.hash.encoding !== 'hex') {
    throw new ConfigurationError(
      `${token.fullName} is a field of type Bytes, which stores a hash without an encoding.`,
    );
  }
  if (kind.bits < LEAST_BITS && acceptWeakTokens !== true) {
    throw new ConfigurationError(
      `tokens of kind ${kind.name} have ${kind.bits} bits that cannot be guessed, fewer than the ${LEAST_BITS} of a UUID. ` +
        'Make them longer, or accept this with acceptWeakTokens: true.',
    );
  }
}

function graceOf({ grace }: TargetDefinition, token: Column, named: (field: string) => Column): Grace | null {
  if (grace === undefined) return null;
  const [old, until] = [named(grace.token), named(grace.until)];
  if (old.name === token.name || old.type !== token.type) {
    throw new ConfigurationError(
      `grace: ${old.fullName} must be another field of type ${token.type}, as the token is.`,
    );
  }
  if (until.type !== 'DateTime') {
    throw new ConfigurationError(`grace: ${until.fullName} is a field of type ${until.type}; it must be a DateTime.`);
  }
  return { token: old, until, durationMs: durationOf(grace.for) };
}

const MS_OF_UNIT: Record<string, number> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Longer ones are most likely a mistake. */
const LONGEST_GRACE_MS = 90 * 86_400_000;

function durationOf(text: string): number {
  const [, number, unit = ''] = /^(\d{1,6})([mhd])$/.exec(text) ?? [];
  const durationMs = Number(number) * (MS_OF_UNIT[unit] ?? 0);
  if (durationMs > 0 && durationMs <= LONGEST_GRACE_MS) return durationMs;
  throw new ConfigurationError(
    "grace: for must be minutes, hours or days, such as '30m', '24h' or '7d', up to 90 days.",
  );
}

function refuseUntouchable(touched: readonly Column[]): void {
  for (const { fullName, type } of touched) {
    if (type !== 'DateTime') {
      throw new ConfigurationError(`touch: ${fullName} is a field of type ${type}; only a DateTime can be touched.`);
    }
  }
}

const KEY_TYPES = ['Int', 'BigInt', 'String'];
