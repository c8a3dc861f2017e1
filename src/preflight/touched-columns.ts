import type { Column, Target } from '../config/target.ts';
import type { Queryable } from '../database/database.ts';
import { listed } from '../text/wording.ts';
import { rowTriggers } from './triggers.ts';
import { ok, type Verdict, warning } from './verdict.ts';

/** Names of fields that say when a row was changed: `updatedAt`, `modified_on`, `lastChangedAt`. */
const SAYS_WHEN_CHANGED = /^(?:last_?)?(?:updated?|modified|changed)(?:_?(?:at|on|date|time))?$/i;

export async function inspectTouchedColumns(database: Queryable, target: Target): Promise<Verdict> {
  const triggers = leftAlone(target).length === 0 ? [] : await rowTriggers(database, target);
  return judgeTouchedColumns(target, triggers);
}

/** Prisma itself sets a field with `@updatedAt`, not the database, so an update of another program does not change it. */
export function judgeTouchedColumns(target: Target, triggers: readonly string[]): Verdict {
  const { touched, set } = target;
  const left = leftAlone(target);
  const [first] = left;
  if (first === undefined) {
    return touched.length === 0
      ? ok('no column looks like the time of the last change.')
      : ok(`${listed(touched.map(({ fullName }) => fullName))} will get the time of the batch.`);
  }
  const names = listed(left.map(({ fullName }) => fullName));
  if (set !== null) return ok(`${names} may be written by the target's set.`);
  if (triggers.length > 0) return ok(`${names} may be written by a trigger.`);
  return warning(
    `${names} will keep the time of the last change.`,
    `If caches or synchronization depend on it, give the target touch: '${first.field}'.`,
  );
}

/** Columns that say when a row was changed, and are not touched. */
function leftAlone({ columns, touched }: Target): Column[] {
  return [...columns.values()].filter(
    (column) => column.type === 'DateTime' && SAYS_WHEN_CHANGED.test(column.field) && !touched.includes(column),
  );
}
