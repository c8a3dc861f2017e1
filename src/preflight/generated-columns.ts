import type { Target } from '../config/target.ts';
import type { Queryable } from '../database/database.ts';
import { type Sql, sql } from '../database/sql.ts';
import { listed } from '../text/wording.ts';
import { ok, type Verdict, warning } from './verdict.ts';

/**
 * Columns of the table whose value changes when the token does: the token, and what is generated from it.
 * In older versions it is the generated column that depends on the token, in newer ones it is the column's expression.
 */
export function changingColumns({ relation, token }: Target): Sql {
  return sql`(
  SELECT changing.attname, changing.attnum, changing.attgenerated
  FROM pg_attribute AS changing
  WHERE changing.attrelid = to_regclass(${relation}) AND NOT changing.attisdropped AND (
    changing.attname = ${token.name} OR changing.attgenerated <> '' AND EXISTS (
      SELECT FROM pg_depend AS dependency
      JOIN pg_attribute AS token ON token.attrelid = dependency.refobjid AND token.attnum = dependency.refobjsubid
      LEFT JOIN pg_attrdef AS expression
        ON dependency.classid = 'pg_attrdef'::regclass AND expression.oid = dependency.objid
      WHERE dependency.refclassid = 'pg_class'::regclass AND dependency.refobjid = changing.attrelid
        AND token.attname = ${token.name} AND changing.attnum = CASE
          WHEN dependency.classid = 'pg_attrdef'::regclass THEN expression.adnum
          WHEN dependency.classid = 'pg_class'::regclass AND dependency.objid = changing.attrelid
          THEN dependency.objsubid END
    )
  )
)`;
}

export async function inspectGeneratedColumns(database: Queryable, target: Target): Promise<Verdict> {
  const columns = await database.$queryRaw<{ name: string }[]>`
    SELECT attname::text AS name FROM ${changingColumns(target)} AS changing
    WHERE attgenerated = 's' AND attname <> ${target.token.name} ORDER BY attnum`;
  return judgeGeneratedColumns(
    target,
    columns.map(({ name }) => name),
  );
}

/** @param names of the stored columns that are generated from the token */
export function judgeGeneratedColumns({ token }: Target, names: readonly string[]): Verdict {
  if (names.length === 0) return ok(`no stored column is generated from ${token.fullName}.`);
  return warning(
    `${token.fullName} is what ${listed(names)} is generated from, so these values change, too.`,
    'Check that no link, table or cache keeps the old values. Each row takes longer.',
  );
}
