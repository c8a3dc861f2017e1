import { type Target, writtenColumns } from '../config/target.ts';
import type { Queryable } from '../database/database.ts';
import { listed } from '../text/wording.ts';
import { ok, type Verdict, warning } from './verdict.ts';

/** What the database says of the columns with a time zone that a target compares or writes. */
interface Session {
  timeZone: string;
  /** True if it is 0 hours from UTC, in summer and in winter. */
  isUtc: boolean;
  /** `table.column` */
  columns: string[];
}

export async function inspectTimeZone(database: Queryable, target: Target): Promise<Verdict> {
  const { relation, key, scope, set, columns } = target;
  const own = set === null ? [...key.columns, ...writtenColumns(target)] : [...columns.values()];
  const names = own.map(({ name }) => name);
  const [session] = await database.$queryRaw<Session[]>`
    SELECT current_setting('TimeZone') AS "timeZone",
      extract(timezone FROM timestamptz '2026-01-15 12:00') = 0 AND extract(timezone FROM timestamptz '2026-07-15 12:00') = 0 AS "isUtc",
      ARRAY(
        SELECT attrelid::regclass || '.' || attname FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
        WHERE relkind IN ('r', 'p') AND NOT relispartition AND atttypid = 'timestamptz'::regtype AND NOT attisdropped
          AND (attrelid = to_regclass(${relation}) AND attname = ANY (${names}::text[])
            OR strpos(scope, format('"%s"', relname)) > 0 AND strpos(scope, format('"%s"', attname)) > 0)
        ORDER BY 1
      ) AS columns
    FROM (VALUES (${scope?.keys.strings.join('') ?? ''})) AS given (scope)`;
  return judgeTimeZone(session ?? { timeZone: '', isUtc: false, columns: [] });
}

export function judgeTimeZone({ timeZone, isUtc, columns }: Session): Verdict {
  if (isUtc) return ok('the time zone of this session is UTC, as Prisma takes it to be.');
  if (columns.length === 0) return ok(`no column with a time zone is compared or written (TimeZone is ${timeZone}).`);
  return warning(
    `Prisma takes ${listed(columns)} for UTC, but TimeZone is ${timeZone}: what other programs wrote is hours off for it (prisma/prisma#28629). Scope, set, touch and grace follow Prisma.`,
    'Compare the number of rows in scope with what SQL counts. Where the application sets TimeZone to UTC, do it for this user, too: ALTER ROLE … SET timezone = UTC.',
  );
}
