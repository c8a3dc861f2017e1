import type * as z from 'zod';
import { ConfigurationError } from '../errors/errors.ts';

/**
 * Parses what came from outside. Bad input becomes one line that names what is wrong but never repeats the value.
 *
 * @param nameOf turns the name of a field into what the user knows it by
 */
export function parse<Output>(schema: z.ZodType<Output>, input: unknown, nameOf: (field: string) => string): Output {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const [field] = issue?.path ?? [];
  const name = field === undefined ? '' : `${nameOf(String(field))} `;
  throw new ConfigurationError(`${name}${issue?.message ?? 'it is wrong'}`);
}
