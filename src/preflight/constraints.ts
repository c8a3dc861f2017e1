import type { Target } from '../config/target.ts';
import type { Queryable } from '../database/database.ts';
import { rowTablesOf } from '../database/row-tables.ts';
import { listed } from '../text/wording.ts';
import { ok, type Verdict, warning } from './verdict.ts';

/** A constraint that was added NOT VALID: PostgreSQL has not looked at the rows that were there before it. */
interface UnvalidatedConstraint {
  /** Both quoted where that is needed. */
  table: string;
  name: string;
}

/** Foreign keys are left out: an update that does not touch their columns does not check them. */
export async function inspectConstraints(database: Queryable, target: Target): Promise<Verdict> {
  const unvalidated = await database.$queryRaw<UnvalidatedConstraint[]>`
    SELECT conrelid::regclass::text AS table, quote_ident(conname) AS name
    FROM pg_constraint AS checked
    WHERE conrelid IN (SELECT oid FROM ${rowTablesOf(target)} AS tables)
      AND contype::text IN ('c', 'n') AND NOT convalidated
      AND coalesce(to_jsonb(checked) ->> 'conenforced', 'true') = 'true'
    ORDER BY "table", name`;
  return judgeConstraints(target, unvalidated);
}

function judgeConstraints({ tableName }: Target, unvalidated: readonly UnvalidatedConstraint[]): Verdict {
  const [first] = unvalidated;
  if (first === undefined) return ok(`every row of ${tableName} has passed its constraints.`);
  const names = [...new Set(unvalidated.map(({ name }) => name))];
  return warning(
    `existing rows of ${tableName} may violate a constraint that is NOT VALID: ${listed(names)}. PostgreSQL rejects the update of each such row.`,
    `Run ALTER TABLE ${first.table} VALIDATE CONSTRAINT ${first.name} now. If it fails, repair those rows or drop the constraint first.`,
  );
}
