import { blocksOf } from './schema-blocks.ts';

/** A relation of a Prisma schema, on the side that holds the other's values. */
export interface Relation {
  model: string;
  /** The name that Prisma has for it: `ticket`. */
  name: string;
  /** The fields that hold the values, and those of the other model that they are of. */
  fields: string[];
  to: string;
  references: string[];
}

const RELATION = /^[ \t]*(\w+)[ \t]+(\w+)\??[ \t].*@relation\(([^)]*)\)/gm;

/** Prisma's client knows at run time that there is a relation, but not of which fields: only the text of the schema does. */
export function relationsIn(schema: string): Relation[] {
  return blocksOf(schema, 'model').flatMap(({ name: model, body }) =>
    [...body.matchAll(RELATION)].flatMap(([, name = '', to = '', options = '']) => {
      const [fields, references] = [namesAfter('fields', options), namesAfter('references', options)];
      return fields.length === 0 ? [] : [{ model, name, fields, to, references }];
    }),
  );
}

/** `fields: [a, b]` */
function namesAfter(option: string, text: string): string[] {
  const [, names = ''] = new RegExp(`\\b${option}:\\s*\\[([^\\]]*)\\]`).exec(text) ?? [];
  return names.split(',').flatMap((name) => name.trim() || []);
}
