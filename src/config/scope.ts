import { compileFindMany } from '../database/compile-query.ts';
import type { ClientConstructor, Database } from '../database/database.ts';
import { ConfigurationError } from '../errors/errors.ts';
import { asksWhetherItIsThere, isPlain, refuseUnclear } from './check-scope.ts';
import type { DataModel } from './data-model.ts';
import type { Target } from './target.ts';

/** The project that a scope belongs to. */
export interface Project {
  PrismaClient: ClientConstructor<Database>;
  dataModel: DataModel;
  /** Where tables are that the Prisma schema names no schema of. */
  databaseSchema: string;
}

/**
 * Limits a target to the rows that a `where` of Prisma finds.
 *
 * @throws ConfigurationError naming the part that is unclear, or that Prisma does not take
 */
export async function scoped(target: Target, where: object, project: Project): Promise<Target> {
  refuseUnclear(where, target, project.dataModel.models);
  const keys = await compile(target, where, project);
  return {
    ...target,
    label: `${target.label} where ${describeWhere(where)}`,
    scope: {
      keys,
      requiresToken: isSure(where, (part) => asksWhetherItIsThere(part[target.token.field])),
      endsInTime: isSure(where, (part) => momentsOf(target, project).some((field) => endsBefore(part[field]))),
    },
  };
}

async function compile({ model, key }: Target, where: object, { PrismaClient, databaseSchema }: Project) {
  const query = { where, select: Object.fromEntries(key.columns.map(({ field }) => [field, true as const])) };
  const keys = await compileFindMany(PrismaClient, databaseSchema, model, query).catch((error: unknown) => {
    if (!(error instanceof Error) || error.name !== 'PrismaClientValidationError') throw error;
    // Its last line says what is wrong; the options that it points to are in those before.
    const [reason] = error.message.trim().split('\n').at(-1)?.split(' Available options are') ?? [];
    throw new ConfigurationError(`scope: ${reason}`);
  });
  if (keys === undefined) throw new ConfigurationError('scope: Prisma needs several statements for it. Simplify it.');
  return keys;
}

/** @returns true if the condition is one that every row of the scope meets */
function isSure(where: unknown, holds: (part: Record<string, unknown>) => boolean): boolean {
  if (Array.isArray(where)) return where.some((part) => isSure(part, holds));
  return isPlain(where) && (holds(where) || isSure(where.AND, holds));
}

/** The model's fields that hold a moment. */
function momentsOf({ model }: Target, { dataModel }: Project): string[] {
  const fields = dataModel.models[model]?.fields ?? [];
  return fields.flatMap(({ name, type }) => (type === 'DateTime' ? [name] : []));
}

/** @returns true if it is `{ lt: … }` or `{ lte: … }` */
function endsBefore(filter: unknown): boolean {
  return isPlain(filter) && ('lt' in filter || 'lte' in filter);
}

/** A `where` as a rotation is recorded of it: the same in whatever order its fields are written. */
export function describeWhere(where: unknown): string {
  if (Array.isArray(where)) return `[${where.map(describeWhere).join(', ')}]`;
  if (isPlain(where)) {
    const entries = Object.entries(where).sort(([a], [b]) => (a < b ? -1 : 1));
    if (entries.length === 0) return '{}';
    return `{ ${entries.map(([name, value]) => `${name}: ${describeWhere(value)}`).join(', ')} }`;
  }
  if (where instanceof Date) return where.toISOString();
  if (where instanceof Uint8Array) return `0x${Buffer.from(where).toString('hex')}`;
  return typeof where === 'string' ? JSON.stringify(where) : String(where);
}
