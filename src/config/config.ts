import * as z from 'zod';
import type { ClientConstructor, Database } from '../database/database.ts';
import { ConfigurationError } from '../errors/errors.ts';
import { dataModelOf } from './data-model.ts';
import { parse } from './parse.ts';
import { resolveTarget } from './resolve-target.ts';
import { scoped } from './scope.ts';
import { DEFAULT_SCHEMA, type Target, type TargetDefinition } from './target.ts';
import type { ModelOf, TargetsOf } from './target-types.ts';
import type { TokenKind } from './token-kinds.ts';

/**
 * The targets of a project by name, and its generated Prisma client: the default export of `rotate-tokens.config.ts`.
 */
export interface Config {
  PrismaClient: ClientConstructor<Database>;
  /** Each is looked at when it is chosen. */
  targets: Record<string, unknown>;
  throttle?: Hooks<Database>['throttle'] | undefined;
  onEvent?: Hooks<Database>['onEvent'] | undefined;
}

/** A project's own code that runs beside a rotation. */
export interface Hooks<Client> {
  /**
   * Asked twice a second why the rotation must wait; null: it need not. If it fails or does not answer, the rotation waits.
   */
  throttle?: (client: Client) => Promise<string | null>;
  /** Gets each event, as `--json` prints it. The rotation does not wait for it, and goes on if it fails. */
  onEvent?: (event: PrintedEvent) => unknown;
}

/** An object that `--json` prints. */
export interface PrintedEvent {
  /** Its kind: `started`, `progress`, `order`, `complete`, … */
  event: string;
  rotation: string | null;
  /** ISO 8601, UTC. */
  time: string;
  [fact: string]: unknown;
}

/**
 * Checks the names of models and fields when it is compiled, and gives `afterBatch` its types.
 *
 * @param PrismaClient the class that `prisma generate` has made
 * @param targets by the name that `--target` takes
 * @param hooks code of the project's own. @default none
 */
export function defineTargets<
  Class extends ClientConstructor<Database>,
  Chosen extends Record<string, ModelOf<InstanceType<Class>>>,
>(
  PrismaClient: Class,
  targets: TargetsOf<InstanceType<Class>, Chosen>,
  hooks: Hooks<InstanceType<Class>> = {},
): Config {
  return { PrismaClient, targets, ...(hooks as Hooks<Database>) };
}

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
    throttle: z.custom<Config['throttle']>((value) => typeof value === 'function', 'must be a function').optional(),
    onEvent: z.custom<Config['onEvent']>((value) => typeof value === 'function', 'must be a function').optional(),
  },
  'its default export must be the result of defineTargets(…)',
);

/** @throws ConfigurationError when it is not what `defineTargets` returns */
export function parseConfig(exported: unknown): Config {
  return parse(configSchema, exported, (field) => `${field}:`);
}

/**
 * @param chosen names of targets. @default all
 * @returns them in the order of the configuration
 * @throws ConfigurationError when there is none of such a name
 */
export function targetNames({ targets }: Config, chosen?: readonly string[]): string[] {
  const names = Object.keys(targets);
  const unknown = chosen?.find((name) => !names.includes(name));
  if (unknown !== undefined) throw noSuchTarget(unknown, names);
  return chosen === undefined ? names : names.filter((name) => chosen.includes(name));
}

function noSuchTarget(name: string, names: readonly string[]): ConfigurationError {
  return new ConfigurationError(`there is no target '${name}'. The config has ${names.join(', ')}.`);
}

/**
 * Sends nothing.
 *
 * @param name as after `--target`; optional if there is only one
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
  if (!Object.hasOwn(targets, chosen)) throw noSuchTarget(chosen, names);
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
