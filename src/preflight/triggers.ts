import type { Target } from '../config/target.ts';
import type { Queryable } from '../database/database.ts';
import { rowTablesOf } from '../database/row-tables.ts';
import { ENABLED } from '../database/row-triggers.ts';
import { countOf, listed } from '../text/wording.ts';
import { changingColumns } from './generated-columns.ts';
import { ok, stop, type Verdict, warning } from './verdict.ts';

/** A trigger that an update of the token fires. */
export interface Trigger {
  /** Quoted where that is needed. */
  name: string;
  isPerRow: boolean;
}

export async function inspectTriggers(database: Queryable, target: Target): Promise<Verdict> {
  return judgeTriggers(target, await readTriggers(database, target));
}

/** @returns the names of the triggers that fire for each row whose token is updated, quoted where that is needed */
export async function rowTriggers(database: Queryable, target: Target): Promise<string[]> {
  return (await readTriggers(database, target)).filter(({ isPerRow }) => isPerRow).map(({ name }) => name);
}

/** The bits of `tgtype` are 1 for each row and 16 on UPDATE; `tgattr` is empty without a list of columns. */
async function readTriggers(database: Queryable, target: Target): Promise<Trigger[]> {
  return database.$queryRaw<Trigger[]>`
    SELECT DISTINCT quote_ident(tgname) AS name, tgtype & 1 = 1 AS "isPerRow"
    FROM pg_trigger
    WHERE (tgrelid = to_regclass(${target.relation}) OR tgrelid IN (SELECT oid FROM ${rowTablesOf(target)} AS tables))
      AND NOT tgisinternal AND tgtype & 16 = 16 AND tgenabled::text IN ${ENABLED}
      AND (
        tgattr::text = ''
        OR EXISTS (SELECT FROM ${changingColumns(target)} AS changing WHERE changing.attnum = ANY (tgattr::int2[]))
      )
    ORDER BY name`;
}

export function judgeTriggers({ tableName }: Target, triggers: readonly Trigger[]): Verdict {
  const perRow = triggers.filter(({ isPerRow }) => isPerRow).map(({ name }) => name);
  const perStatement = triggers.filter(({ isPerRow }) => !isPerRow).map(({ name }) => name);
  if (perRow.length > 0) {
    return warning(
      `${countOf(perRow.length, 'trigger')} will run for each rotated row: ${listed(perRow)}.`,
      'Check that they keep the new token, and what they write, send or refuse for every row. ' +
        `If they must not run, ALTER TABLE ${tableName} DISABLE TRIGGER ${perRow[0]} disables one for all sessions until you enable it again.`,
    );
  }
  if (perStatement.length > 0) return ok(`no trigger will run for each row; once per batch: ${listed(perStatement)}.`);
  return ok('no trigger will run.');
}

export async function inspectRules(database: Queryable, target: Target): Promise<Verdict> {
  const rules = await database.$queryRaw<{ name: string }[]>`
    SELECT quote_ident(rulename) AS name FROM pg_rewrite
    WHERE ev_class = to_regclass(${target.relation}) AND ev_type = '2' AND ev_enabled::text IN ${ENABLED}
    ORDER BY rulename`;
  return judgeRules(
    target,
    rules.map(({ name }) => name),
  );
}

/** @param names of the enabled rules ON UPDATE */
export function judgeRules({ tableName }: Target, names: readonly string[]): Verdict {
  if (names.length === 0) return ok(`no rule rewrites updates of ${tableName}.`);
  return stop(
    `${countOf(names.length, 'rule')} on ${tableName} would rewrite the updates: ${listed(names)}.`,
    `Run ALTER TABLE ${tableName} DISABLE RULE ${names[0]} during the rotation.`,
  );
}
