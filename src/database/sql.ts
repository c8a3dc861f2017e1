/**
 * Statements are put together from these only: what is interpolated is a parameter, or a piece that is one of them
 * itself. Names of tables and columns go through `identifier`.
 */
import { empty, join, raw, Sql, sqltag as sql } from '@prisma/client/runtime/client';

export { empty, join, raw, Sql, sql };

/** A quoted name of a table, a column or a schema. */
export function identifier(name: string): Sql {
  return raw(quoted(name));
}

export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A name for sentences and for statements to copy: quoted if it needs quotes. */
export function nameForPeople(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) && !RESERVED.has(name) ? name : quoted(name);
}

/** Reserved words that a table or a column may well be called (PostgreSQL's manual, appendix C). */
const RESERVED = new Set(
  `all analyse analyze and any array as asc authorization between binary both case cast check collate column constraint
  create cross current_date current_time current_user default desc distinct do else end except false fetch for foreign
  from full grant group having in initially inner into is join lateral leading left like limit natural not null offset
  on only or order outer placing primary references returning right select session_user similar some table tablesample
  then to trailing true union unique user using variadic verbose when where window with`.split(/\s+/),
);
