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
  const { issues } = parsed.error;
  // A name with a typing error is missed, too; the typing error is what helps.
  const issue = issues.find(({ code }) => code === 'unrecognized_keys') ?? issues[0];
  const [field] = issue?.path ?? [];
  const name = field === undefined ? '' : `${nameOf(String(field))} `;
  throw new ConfigurationError(`${name}${describe(issue)}`);
}

function describe(issue: z.core.$ZodIssue | undefined): string {
  if (issue?.code !== 'unrecognized_keys') return issue?.message ?? 'it is wrong';
  const names = issue.keys.map((key) => `"${key}"`);
  return `unknown option${names.length === 1 ? '' : 's'} ${names.join(', ')}`;
}
