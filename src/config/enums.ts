import { blocksOf } from './schema-blocks.ts';

/** The values of a Prisma schema's enums, as they are in the database (@map), by their names in the schema. */
export type Enums = Record<string, ReadonlyMap<string, string>>;

const VALUE = /^[ \t]*(\w+)(?:[ \t]+@map\((?:name:\s*)?"([^"]*)"\))?[ \t]*$/gm;

/** Prisma's client does not know at run time what an enum's values are in the database: only the text of the schema does. */
export function enumsIn(schema: string): Enums {
  const found = blocksOf(schema, 'enum').map(({ name, body }) => {
    const values = [...body.matchAll(VALUE)].map(([, value = '', stored = value]) => [value, stored] as const);
    return [name, new Map(values)] as const;
  });
  return Object.fromEntries(found);
}
