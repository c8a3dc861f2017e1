/**
 * A PostgreSQL array as one string, `{1,2,3}`. As a parameter that is a single object, where Prisma would wrap each
 * element of an array in one.
 */
export function arrayLiteral(values: readonly (bigint | string | null)[]): string {
  return `{${values.map(element).join()}}`;
}

/** Quoted, unless there is nothing in it that could be taken for something else. */
function element(value: bigint | string | null): string {
  if (value === null) return 'NULL';
  if (typeof value === 'bigint' || (/^[\w-]+$/.test(value) && !/^null$/i.test(value))) return String(value);
  return `"${value.replace(/["\\]/g, '\\$&')}"`;
}
