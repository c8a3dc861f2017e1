import type { Column, Target } from '../config/target.ts';
import type { Queryable } from '../database/database.ts';
import { listed } from '../text/wording.ts';
import { rowTriggers } from './triggers.ts';
import { ok, type Verdict, warning } from './verdict.ts';

/** Names of fields that say when a row was changed: `updatedAt`, `modified_on`, `lastChangedAt`. */
const SAYS_WHEN_CHANGED = /^(?:last_?)?(?:updated?|modified|changed)(?:_?(?:at|on|date|time))?$/i;

export async function inspectTouchedColumns(database: Queryable, target: Target): Promise<Verdict> {
  return judgeTouchedColumns(target, await rowTriggers(database, target));
}

/** Prisma itself sets a field with `@updatedAt`, not the database, so an update of another program does not change it. */
export function judgeTouchedColumns(
  { columns, touched, set }: Pick<Target, 'columns' | 'touched' | 'set'>,
  triggers: readonly string[],
): Verdict {
  const left = [...columns.values()].filter((column) => saysWhenChanged(column) && !touched.includes(column));
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

function saysWhenChanged({ field, type }: Column): boolean {
  return type === 'DateTime' && SAYS_WHEN_CHANGED.test(field);
}
