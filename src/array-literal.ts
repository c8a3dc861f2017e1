/**
 * A PostgreSQL array as one string, `{1,2,3}`. As a parameter that is a single object, where Prisma would wrap each
 * element of an array in one. Keys and UUIDs hold no character that would have to be quoted.
 */
export function arrayLiteral(values: readonly (bigint | string)[]): string {
  return `{${values.join()}}`;
}
