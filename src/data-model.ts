import * as z from 'zod';
import { ConfigurationError } from './errors.ts';

/** What a generated Prisma client knows of its schema: the names of models and fields, and those in the database. */
export type DataModel = z.output<typeof dataModelSchema>;

export type Model = DataModel['models'][string];

const dataModelSchema = z.object({
  models: z.record(
    z.string(),
    z.object({
      /** The table's name where it is another (@@map). */
      dbName: z.string().nullish(),
      /** The table's schema where the Prisma schema names one (@@schema). */
      schema: z.string().nullish(),
      fields: z.array(
        z.object({
          name: z.string(),
          /** `object` is a relation, which has no column. */
          kind: z.string(),
          type: z.string(),
          /** The column's name where it is another (@map). */
          dbName: z.string().nullish(),
        }),
      ),
    }),
  ),
});

/**
 * Prisma's client carries its schema along for its own use, and offers no other way to it at run time.
 *
 * @param client a generated client, opened or not
 * @throws ConfigurationError when it is not there
 */
export function dataModelOf(client: object): DataModel {
  const parsed = dataModelSchema.safeParse('_runtimeDataModel' in client ? client._runtimeDataModel : undefined);
  if (parsed.success) return parsed.data;
  throw new ConfigurationError(
    'the Prisma client does not tell its models. Is it one of Prisma 7, and generated (`npx prisma generate`)?',
  );
}
