import * as z from 'zod';
import { ConfigurationError } from '../errors/errors.ts';

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
          /** Whether it is of an enum that has other values in the database (@map). */
          isMappedEnum: z.boolean().optional(),
        }),
      ),
    }),
  ),
});

const clientSchema = z.object({
  _runtimeDataModel: dataModelSchema,
  _engineConfig: z.object({
    /** The schema as it is written. */
    inlineSchema: z.string(),
  }),
});

/** The client knows the names of enums, but not their values. @param schema in Prisma's language */
function mappedEnums(schema: string): Set<string> {
  const enums = schema.matchAll(/^\s*enum\s+(\w+)\s*\{([^}]*)\}/gm);
  const isMapped = (body: string) => /(^|[^@])@map\s*\(/.test(body.replaceAll(/\/\/.*$/gm, ''));
  return new Set([...enums].flatMap(([, name = '', body = '']) => (isMapped(body) ? [name] : [])));
}

/**
 * Prisma's client carries its schema along for its own use, and offers no other way to it at run time.
 *
 * @param client a generated client, opened or not
 * @throws ConfigurationError when it is not there
 */
export function dataModelOf(client: object): DataModel {
  const parsed = clientSchema.safeParse(client);
  if (parsed.success) {
    const { _runtimeDataModel: dataModel, _engineConfig: config } = parsed.data;
    const mapped = mappedEnums(config.inlineSchema);
    for (const { fields } of Object.values(dataModel.models))
      for (const field of fields) field.isMappedEnum = field.kind === 'enum' && mapped.has(field.type);
    return dataModel;
  }
  throw new ConfigurationError(
    'the Prisma client does not tell its models. Is it one of Prisma 7, and generated (`npx prisma generate`)?',
  );
}
