import * as z from 'zod';
import { arrayLiteral } from '../database/array-literal.ts';
import { empty, type Sql, sql } from '../database/sql.ts';
import { ConfigurationError } from '../errors/errors.ts';

/** A value that a field can be compared with. */
const scalar = z.union([z.string(), z.number(), z.bigint(), z.boolean(), z.date()]);

type Scalar = z.output<typeof scalar>;

/** Comparisons of a field, as in a `where` of Prisma. */
const filterSchema = z
  .strictObject({
    equals: scalar.nullable(),
    not: scalar.nullable(),
    in: z.array(scalar),
    notIn: z.array(scalar),
    lt: scalar,
    lte: scalar,
    gt: scalar,
    gte: scalar,
  })
  .partial();

/** The SQL of a field that is compared with a value or by a filter; undefined: it has no column. */
export type ColumnOf = (field: string, value: unknown) => Sql | undefined;

/**
 * Compiles a `where` of Prisma to an SQL condition that finds the same rows.
 *
 * Prisma takes undefined, an empty object and an empty list for "no condition". They are refused, since they would mean
 * every row.
 *
 * @param where fields with values or filters; AND, OR and NOT
 * @throws ConfigurationError naming the part that is not supported
 */
export function scopeCondition(where: unknown, columnOf: ColumnOf): Sql {
  return all(whereConditions(where, columnOf, 'scope'));
}

function whereConditions(where: unknown, columnOf: ColumnOf, path: string): Sql[] {
  if (typeof where !== 'object' || where === null || Array.isArray(where) || Object.keys(where).length === 0) {
    throw new ConfigurationError(`${path} must be an object with a condition.`);
  }
  // In one order, so that it is recorded as the same however it is written.
  const entries = Object.entries(where).sort(([a], [b]) => (a < b ? -1 : 1));
  return entries.flatMap(([name, value]) => {
    const place = `${path}.${name}`;
    if (value === undefined) throw new ConfigurationError(`${place} is undefined.`);
    if (name === 'AND' || name === 'OR' || name === 'NOT') return [combined(name, value, columnOf, place)];
    const column = columnOf(name, value);
    if (column === undefined) throw new ConfigurationError(`${place}: the model has no such field with a column.`);
    return fieldConditions(column, value, place);
  });
}

function combined(operator: 'AND' | 'OR' | 'NOT', value: unknown, columnOf: ColumnOf, path: string): Sql {
  const parts = Array.isArray(value) ? value : [value];
  if (parts.length === 0) throw new ConfigurationError(`${path} is empty.`);
  const conditions = parts.map((part, index) => {
    const place = Array.isArray(value) ? `${path}[${index}]` : path;
    return all(whereConditions(part, columnOf, place));
  });
  // Prisma's NOT of several conditions is that none of them holds.
  if (operator === 'NOT') return all(conditions.map((condition) => sql`NOT (${condition})`));
  return operator === 'OR' ? sql`(${joined(conditions, sql` OR `)})` : all(conditions);
}

function fieldConditions(column: Sql, value: unknown, path: string): Sql[] {
  const isFilter = typeof value === 'object' && value !== null && !(value instanceof Date);
  const filter = filterSchema.safeParse(isFilter ? value : { equals: value });
  if (!filter.success) {
    const known = Object.keys(filterSchema.shape).join(', ');
    throw new ConfigurationError(`${path} is not supported: it must be a value or a filter of ${known}.`);
  }
  const comparisons = Object.entries(filter.data).sort(([a], [b]) => (a < b ? -1 : 1));
  if (comparisons.length === 0) throw new ConfigurationError(`${path} is an empty filter.`);
  return comparisons.map(([operator, operand]) => {
    if (operand === undefined) throw new ConfigurationError(`${path}.${operator} is undefined.`);
    return comparison(column, operator, operand);
  });
}

const OPERATORS: Record<string, Sql> = {
  equals: sql`=`,
  not: sql`<>`,
  in: sql`= ANY`,
  notIn: sql`<> ALL`,
  lt: sql`<`,
  lte: sql`<=`,
  gt: sql`>`,
  gte: sql`>=`,
};

/** Parameters go without a type, so PostgreSQL gives them that of the column. */
function comparison(column: Sql, operator: string, operand: Scalar | Scalar[] | null): Sql {
  if (operand === null) return operator === 'not' ? sql`${column} IS NOT NULL` : sql`${column} IS NULL`;
  const parameter = Array.isArray(operand) ? arrayLiteral(operand.map(textOf)) : textOf(operand);
  return sql`${column} ${OPERATORS[operator] ?? empty} ${Array.isArray(operand) ? sql`(${parameter})` : parameter}`;
}

function textOf(value: Scalar): string {
  return value instanceof Date ? value.toISOString() : String(value);
}

/** Conditions that must all hold. */
function all(conditions: readonly Sql[]): Sql {
  return joined(conditions, sql` AND `);
}

function joined(conditions: readonly Sql[], separator: Sql): Sql {
  return conditions.reduce(
    (before, condition, index) => (index === 0 ? condition : sql`${before}${separator}${condition}`),
    empty,
  );
}

/** A condition for people: with its values in place. */
export function describeCondition(condition: Sql): string {
  const quoted = (value: unknown) => `'${String(value).replaceAll("'", "''")}'`;
  return condition.strings.reduce((text, piece, index) => `${text}${quoted(condition.values[index - 1])}${piece}`);
}
