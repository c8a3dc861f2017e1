import type { ITXClientDenyList } from '@prisma/client/runtime/client';
import * as z from 'zod';
import type { ClientConstructor, Database } from '../database/database.ts';
import { ConfigurationError } from '../errors/errors.ts';
import { dataModelOf } from './data-model.ts';
import { parse } from './parse.ts';
import { resolveTarget } from './resolve-target.ts';
import { scoped } from './scope.ts';
import { DEFAULT_SCHEMA, type Target, type TargetDefinition } from './target.ts';
import type { TokenKind } from './token-kinds.ts';

/**
 * The targets of a project by name, and its generated Prisma client: the default export of `rotate-tokens.config.ts`.
 */
export interface Config {
  PrismaClient: ClientConstructor<Database>;
  /** Each is looked at when it is chosen. */
  targets: Record<string, unknown>;
}

/**
 * Checks the names of models and fields when it is compiled, and gives `afterBatch` its types.
 *
 * @param PrismaClient the class that `prisma generate` has made
 * @param targets by the name that `--target` takes
 */
export function defineTargets<Class extends ClientConstructor<Database>>(
  PrismaClient: Class,
  targets: Record<string, TargetOf<InstanceType<Class>>>,
): Config {
  return { PrismaClient, targets };
}

/** Any target that a client's models allow. */
export type TargetOf<Client> = { [Model in keyof Models<Client>]: TargetOfModel<Client, Model> }[keyof Models<Client>];

type TargetOfModel<Client, Model extends keyof Models<Client>> =
  | {
      [Key in KeyOf<Models<Client>[Model]>]: {
        /** Its unique key: a field of type Int, BigInt or String, or several that are unique together, in their order. */
        key: Key;
      } & Rest<Client, Model, Key, Models<Client>[Model][Key]>;
    }[KeyOf<Models<Client>[Model]>]
  | ({ key: readonly KeyOf<Models<Client>[Model]>[] } & Rest<
      Client,
      Model,
      never,
      Partial<Pick<Models<Client>[Model], KeyOf<Models<Client>[Model]>>>
    >);

/** Fields that can be a key, or part of one. */
type KeyOf<Fields> = FieldOf<Fields, string | number | bigint>;

/** A target but for its key. @typeParam Key the field that is the key @typeParam KeyValue what `afterBatch` gets of it */
type Rest<Client, Model extends keyof Models<Client>, Key, KeyValue> = {
  /** The model, as in the Prisma schema. */
  model: Model;
  /** The field with the token: a String; or Bytes, when only a hash is stored. */
  token: FieldOf<Models<Client>[Model], string | Uint8Array | null>;
  kind: TokenKind;
  /** Which rows, as a `where` of Prisma. @default all of them */
  scope?: Wheres<Client>[Model];
  /** Insists on tokens with fewer than 122 bits that cannot be guessed. @default false */
  acceptWeakTokens?: boolean;
  /**
   * Values of other fields of a row, written in the same statement as its token: its beginning, for people to recognize it
   * by. Each row must have the same fields. The token is in clear.
   */
  set?: (row: RowOf<KeyValue>) => Partial<Omit<Models<Client>[Model], Key & PropertyKey>>;
  /** Fields of type DateTime that get the time of the batch, as Prisma gives it to those with `@updatedAt`. */
  touch?: FieldOf<Models<Client>[Model], Date | null> | FieldOf<Models<Client>[Model], Date | null>[];
  /**
   * Keeps the old token valid for a while, in the field `token`, until the time in the field `until`: for planned rotations.
   * After a leak it keeps the leaked tokens valid. `for` is such as '24h': minutes, hours or days, up to 90 days.
   */
  grace?: {
    token: FieldOf<Models<Client>[Model], string | Uint8Array | null>;
    until: FieldOf<Models<Client>[Model], Date | null>;
    for: string;
  };
} & AfterBatchOf<Client, KeyValue>;

/** A rotated row. */
type RowOf<KeyValue> = { key: KeyValue; token: string };

/**
 * Runs in the transaction of each batch, when its tokens are written: what it writes through `transaction` is there
 * exactly once for each rotated row, or not at all. It is called for up to 1,000 rows at a time.
 */
type AfterBatchOf<Client, KeyValue> =
  | {
      withOldTokens?: false;
      afterBatch?: (transaction: TransactionOf<Client>, rows: RowOf<KeyValue>[]) => Promise<unknown>;
    }
  | {
      /** Hands over what the token's column held before, too. It must not be logged. @default false */
      withOldTokens: true;
      afterBatch: (
        transaction: TransactionOf<Client>,
        rows: (RowOf<KeyValue> & { oldToken: string | Uint8Array | null })[],
      ) => Promise<unknown>;
    };

/** The fields, with their types, of each model that a generated client has; by the model's name. */
type Models<Client> = {
  [Property in keyof Client as Property extends string ? NameOf<Client[Property]> : never]: FieldsOf<Client[Property]>;
};

/** What `findMany` of each model takes as `where`; by the model's name. */
type Wheres<Client> = {
  [Property in keyof Client as Property extends string ? NameOf<Client[Property]> : never]: WhereOf<Client[Property]>;
};

/** Model and fields in the types of each delegate of a generated client, such as `client.ticket`. */
interface Delegate {
  [symbol: symbol]: {
    types: { payload: { scalars: Record<string, unknown> }; operations: { findMany: { args: { where?: unknown } } } };
    meta: { name: string };
  };
}

type NameOf<Property> = Property extends Delegate ? Property[symbol]['meta']['name'] : never;
type FieldsOf<Property> = Property extends Delegate ? Property[symbol]['types']['payload']['scalars'] : never;
type WhereOf<Property> = Property extends Delegate
  ? NonNullable<Property[symbol]['types']['operations']['findMany']['args']['where']>
  : never;
type FieldOf<Fields, Type> = { [Name in keyof Fields]: Fields[Name] extends Type ? Name : never }[keyof Fields] &
  string;

/** Without `$transaction`, since everything already runs in the transaction of the batch. */
type TransactionOf<Client> = Omit<Client, ITXClientDenyList | '$transaction'>;

const kindSchema = z.object(
  {
    name: z.string(),
    bits: z.number(),
    type: z.enum(['uuid', 'text']),
    length: z.number().nullable(),
    form: z.object({ name: z.string(), patterns: z.array(z.string()) }).nullable(),
    hash: z.custom<TokenKind['hash']>((value) => typeof value === 'object'),
    make: z.custom<TokenKind['make']>((value) => typeof value === 'function'),
    makeBytes: z.custom<TokenKind['makeBytes']>((value) => typeof value === 'function' || value === null),
  },
  'must be uuid(), hex(…), base64url(…), custom(…), sha256(…) or hashed(…)',
);

const definitionSchema = z.strictObject({
  model: z.string('must be the name of a model'),
  key: z.union([z.string(), z.array(z.string())], 'must be the name of a field, or a list of names'),
  token: z.string('must be the name of a field'),
  kind: kindSchema,
  scope: z.custom<object>((value) => typeof value === 'object' && value !== null, 'must be an object').optional(),
  acceptWeakTokens: z.boolean('must be true or false').optional(),
  set: z.custom<TargetDefinition['set']>((value) => typeof value === 'function', 'must be a function').optional(),
  touch: z.union([z.string(), z.array(z.string())], 'must be the name of a field, or a list of names').optional(),
  grace: z
    .strictObject({ token: z.string(), until: z.string(), for: z.string() }, 'must have token, until and for')
    .optional(),
  withOldTokens: z.boolean('must be true or false').optional(),
  afterBatch: z
    .custom<TargetDefinition['afterBatch']>((value) => typeof value === 'function', 'must be a function')
    .optional(),
});

const configSchema = z.object(
  {
    PrismaClient: z.custom<ClientConstructor<Database>>(
      (value) => typeof value === 'function',
      'must be the class that `prisma generate` made',
    ),
    targets: z
      .record(z.string(), z.unknown())
      .refine((targets) => Object.keys(targets).length > 0, 'must have at least one entry'),
  },
  'its default export must be the result of defineTargets(…)',
);

/** @throws ConfigurationError when it is not what `defineTargets` returns */
export function parseConfig(exported: unknown): Config {
  return parse(configSchema, exported, (field) => `${field}:`);
}

/**
 * Sends nothing.
 *
 * @param name as after `--target`; may be left out where there is only one
 * @param client an instance of the config's PrismaClient, whether it is connected or not
 * @param databaseSchema what `schemaOf(url)` says
 * @throws ConfigurationError when there is no such target, or its definition is wrong
 */
export async function targetNamed(
  { PrismaClient, targets }: Config,
  name: string | undefined,
  client: object,
  databaseSchema = DEFAULT_SCHEMA,
): Promise<Target> {
  const names = Object.keys(targets);
  const chosen = name ?? (names.length === 1 ? names[0] : undefined);
  if (chosen === undefined) throw new ConfigurationError(`--target must be given: ${names.join(', ')}.`);
  if (!Object.hasOwn(targets, chosen)) {
    throw new ConfigurationError(`there is no target '${chosen}'. The config has ${names.join(', ')}.`);
  }
  try {
    const { scope, ...definition } = parse(definitionSchema, targets[chosen], (field) => `${field}:`);
    const dataModel = dataModelOf(client);
    const target = resolveTarget(definition, dataModel, databaseSchema);
    return scope === undefined ? target : await scoped(target, scope, { PrismaClient, dataModel, databaseSchema });
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    throw new ConfigurationError(`target '${chosen}': ${error.message}`);
  }
}
