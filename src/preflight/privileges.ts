import type { RECORD_TABLES } from '../config/record-tables.ts';
import { type Column, type Target, writtenColumns } from '../config/target.ts';
import { arrayLiteral } from '../database/array-literal.ts';
import type { Queryable } from '../database/database.ts';
import { quoted, type Sql, sql } from '../database/sql.ts';
import { listOf } from '../text/wording.ts';
import { ok, stop, type Verdict, warning } from './verdict.ts';

/** A privilege that a rotation uses, and whether this user has it. Null where there is no such table. */
export interface Privilege {
  /** This user, quoted. */
  role: string;
  /** For people. */
  relation: string;
  privilege: string;
  onTable: boolean | null;
  /** True if the privilege was granted on each of the columns. */
  onColumns: boolean | null;
}

export async function inspectPrivileges(database: Queryable, target: Target): Promise<Verdict> {
  return judgePrivileges(target, await readPrivileges(database, target));
}

async function readPrivileges(database: Queryable, target: Target): Promise<Privilege[]> {
  const { tableName, relation, key, token, records } = target;
  const own = (name: (typeof RECORD_TABLES)[number], privilege: string) =>
    sql`(${name}, ${`${quoted(records.schema)}.${name}`}, ${privilege}, '{}'::text[])`;
  return database.$queryRaw<Privilege[]>`
    SELECT quote_ident(current_user) AS role, name AS relation, privilege,
      has_table_privilege(to_regclass(relation), privilege) AS "onTable",
      (
        SELECT bool_and(has_column_privilege(attrelid, attnum, privilege))
        FROM pg_attribute WHERE attrelid = to_regclass(relation) AND attname = ANY (columns)
      ) AS "onColumns"
    FROM (VALUES
      (${tableName}, ${relation}, 'SELECT', ${namesOf([...key.columns, token])}),
      (${tableName}, ${relation}, 'UPDATE', ${namesOf(writtenColumns(target))}),
      ${own('rotations', 'SELECT')}, ${own('rotations', 'INSERT')},
      ${own('rotations', 'UPDATE')}, ${own('rotations', 'DELETE')},
      ${own('rotation_checkpoints', 'SELECT')}, ${own('rotation_checkpoints', 'INSERT')},
      ${own('rotation_checkpoints', 'UPDATE')},
      ${own('condemned_tokens', 'SELECT')}, ${own('condemned_tokens', 'INSERT')},
      ${own('condemned_tokens', 'DELETE')},
      ${own('rotation_runs', 'SELECT')}, ${own('rotation_runs', 'INSERT')}, ${own('rotation_runs', 'UPDATE')},
      ${own('rotation_orders', 'SELECT')},
      ${own('rotation_checks', 'SELECT')}, ${own('rotation_checks', 'INSERT')}
    ) AS used (name, relation, privilege, columns)`;
}

function namesOf(columns: readonly Column[]): Sql {
  return sql`${arrayLiteral(columns.map(({ name }) => name))}::text[]`;
}

export function judgePrivileges({ token }: Target, privileges: readonly Privilege[]): Verdict {
  const role = privileges[0]?.role ?? '';
  const missing = privileges.filter(({ onTable, onColumns }) => onTable === false && onColumns !== true);
  if (missing.length > 0) return stop(`${role} lacks ${list(missing)}.`, `Run ${grants(role, missing)}.`);
  // LOCK TABLE, which comes before a row is set aside, does not accept a column's privilege.
  const onColumnOnly = privileges.filter(({ privilege, onTable }) => privilege === 'UPDATE' && onTable === false);
  if (onColumnOnly.length > 0) {
    return warning(
      `${role} has UPDATE on the column ${token.fullName} only, so a locked or refused row will end the run.`,
      `Run ${grants(role, onColumnOnly)}; then such a row is set aside and retried.`,
    );
  }
  return ok(`${role} has the privileges that it needs.`);
}

/** `SELECT, UPDATE on tickets and INSERT on rotation_checkpoints` */
function list(privileges: readonly Privilege[]): string {
  return listOf(byRelation(privileges).map(([relation, names]) => `${names} on ${relation}`));
}

function grants(role: string, privileges: readonly Privilege[]): string {
  return byRelation(privileges)
    .map(([relation, names]) => `GRANT ${names} ON ${relation} TO ${role}`)
    .join('; ');
}

function byRelation(privileges: readonly Privilege[]): [relation: string, privileges: string][] {
  const relations = [...new Set(privileges.map(({ relation }) => relation))];
  return relations.map((relation) => [
    relation,
    privileges
      .filter((each) => each.relation === relation)
      .map(({ privilege }) => privilege)
      .join(', '),
  ]);
}
