import type { Queryable } from '../database.ts';
import { Prisma } from '../generated/prisma/client.ts';
import { CHANGING_COLUMNS } from './changing-columns.ts';
import { ok, stop, type Verdict, warning } from './verdict.ts';
import { count, nameAll } from './wording.ts';

/** A trigger that an update of tickets.token fires. */
export interface Trigger {
  /** Quoted where that is needed. */
  name: string;
  isPerRow: boolean;
}

/** What is enabled in a session like this one: always, or in its replication role. */
const ENABLED = Prisma.sql`('A', CASE current_setting('session_replication_role') WHEN 'replica' THEN 'R' ELSE 'O' END)`;

export async function inspectTriggers(database: Queryable): Promise<Verdict> {
  return judgeTriggers(await readTriggers(database));
}

/** The bits of `tgtype` are 1 for each row and 16 on UPDATE; `tgattr` is empty without a list of columns. */
async function readTriggers(database: Queryable): Promise<Trigger[]> {
  return database.$queryRaw<Trigger[]>`
    SELECT quote_ident(tgname) AS name, tgtype & 1 = 1 AS "isPerRow"
    FROM pg_trigger
    WHERE tgrelid = to_regclass('tickets') AND NOT tgisinternal AND tgtype & 16 = 16 AND tgenabled::text IN ${ENABLED}
      AND (
        tgattr::text = ''
        OR EXISTS (SELECT FROM ${CHANGING_COLUMNS} AS changing WHERE changing.attnum = ANY (tgattr::int2[]))
      )
    ORDER BY tgname`;
}

export function judgeTriggers(triggers: readonly Trigger[]): Verdict {
  const perRow = triggers.filter(({ isPerRow }) => isPerRow).map(({ name }) => name);
  const perStatement = triggers.filter(({ isPerRow }) => !isPerRow).map(({ name }) => name);
  if (perRow.length > 0) {
    return warning(
      `${count(perRow.length, 'trigger')} will run for each row that is rotated: ${nameAll(perRow)}.`,
      'See what they do: they take time, may write, send or refuse something for every row, and have to leave the new ' +
        `token alone. Otherwise ALTER TABLE tickets DISABLE TRIGGER ${perRow[0]}, for everybody, for as long as it runs.`,
    );
  }
  if (perStatement.length > 0) return ok(`no trigger will run for each row; once a batch: ${nameAll(perStatement)}.`);
  return ok('no trigger will run.');
}

export async function inspectRules(database: Queryable): Promise<Verdict> {
  const rules = await database.$queryRaw<{ name: string }[]>`
    SELECT quote_ident(rulename) AS name FROM pg_rewrite
    WHERE ev_class = to_regclass('tickets') AND ev_type = '2' AND ev_enabled::text IN ${ENABLED}
    ORDER BY rulename`;
  return judgeRules(rules.map(({ name }) => name));
}

/** @param names of the enabled rules ON UPDATE */
export function judgeRules(names: readonly string[]): Verdict {
  if (names.length === 0) return ok('no rule rewrites updates of tickets.');
  return stop(
    `${count(names.length, 'rule')} on tickets would rewrite the updates: ${nameAll(names)}.`,
    `Run ALTER TABLE tickets DISABLE RULE ${names[0]} for as long as it runs.`,
  );
}
