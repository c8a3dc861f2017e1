import type { Queryable } from './database.ts';

/** The queries that Prisma generates for a model. */
export interface ModelQueries {
  findMany(query: {
    where: object;
    orderBy?: Record<string, 'asc'>;
    skip?: number;
    take?: number;
    select: Record<string, true>;
  }): Promise<Record<string, unknown>[]>;
}

/**
 * @param client a generated client, or a transaction of one
 * @param model as in the Prisma schema; the client calls its queries the same, with a small first letter
 */
export function queriesOf(client: Queryable, model: string): ModelQueries {
  const queries: unknown = Reflect.get(client, model.charAt(0).toLowerCase() + model.slice(1));
  if (!isModelQueries(queries)) throw new Error(`the Prisma client has no queries of the model ${model}`);
  return queries;
}

function isModelQueries(value: unknown): value is ModelQueries {
  return typeof value === 'object' && value !== null && 'findMany' in value;
}
