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

/** The condition that the old token of a row is still valid. */
export function isInGrace(grace: Grace): Sql {
  return sql`${grace.token.sql} IS NOT NULL AND ${secondsOf(grace)} > extract(epoch FROM now())`;
}

/** The end of the period since 1970, with or without a time zone in the way that Prisma writes it (`momentText`). */
function secondsOf({ until }: Grace): Sql {
  return sql`extract(epoch FROM ${until.sql}::timestamp)`;
}

/** @returns null if the target has no grace period */
export async function findOldTokens(context: RotationContext): Promise<OldTokens | null> {
  const { database, target } = context;
  const { grace } = target;
  if (grace === null) return null;
  const [found] = await retry(
    context,
    () => database.$queryRaw<{ rows: number; untilMs: number | null }[]>`
      SELECT count(*)::int AS rows, (max(${secondsOf(grace)}) * 1000)::float8 AS "untilMs"
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
