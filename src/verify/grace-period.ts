import type { Grace, Target } from '../config/target.ts';
import type { RotationContext } from '../context.ts';
import { retry } from '../database/retry.ts';
import { type Sql, sql } from '../database/sql.ts';
import type { Finding } from '../finding.ts';
import { formatTime } from '../text/format.ts';
import { countOf } from '../text/wording.ts';

/** Old tokens that are still valid. */
export interface OldTokens {
  rows: number;
  /** When the last of them ends; null: there are none. */
  until: Date | null;
}

/** The condition that the old token of a row is still valid. Times without a time zone are in UTC, as Prisma writes them. */
export function isInGrace({ until, token }: Grace): Sql {
  return sql`${token.sql} IS NOT NULL AND extract(epoch FROM ${until.sql}) > extract(epoch FROM now())`;
}

/** @returns null if the target has no grace period */
export async function findOldTokens(context: RotationContext): Promise<OldTokens | null> {
  const { database, target } = context;
  const { grace } = target;
  if (grace === null) return null;
  const [found] = await retry(
    context,
    () => database.$queryRaw<{ rows: number; untilMs: number | null }[]>`
      SELECT count(*)::int AS rows, (extract(epoch FROM max(${grace.until.sql})) * 1000)::float8 AS "untilMs"
      FROM ${target.from} WHERE ${isInGrace(grace)}`,
  );
  const untilMs = found?.untilMs ?? null;
  return { rows: found?.rows ?? 0, until: untilMs === null ? null : new Date(untilMs) };
}

export function graceFinding({ grace }: Target, { rows, until }: OldTokens): Finding {
  const check = 'grace-period';
  const column = grace?.token.fullName;
  if (until === null) return { check, level: 'ok', message: `No old token in ${column} is valid anymore.` };
  return {
    check,
    level: 'warning',
    message: `${countOf(rows, 'old token')} in ${column} stay valid until ${formatTime(until)} at the latest.`,
    advice: 'After a leak, run the command expire-grace now: it removes them.',
  };
}
