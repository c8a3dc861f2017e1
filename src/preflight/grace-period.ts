import type { Grace, Target } from '../config/target.ts';
import type { Queryable } from '../database/database.ts';
import { nameForPeople } from '../database/sql.ts';
import { type ColumnType, MIGRATE, readColumnType } from './columns.ts';
import { ok, stop, type Verdict, warning } from './verdict.ts';

export async function inspectGracePeriod(database: Queryable, target: Target): Promise<Verdict> {
  const { grace, token } = target;
  if (grace === null) return ok('no old token stays valid.');
  return judgeGracePeriod(
    target,
    grace,
    await readColumnType(database, target, token),
    await readColumnType(database, target, grace.token),
    await readColumnType(database, target, grace.until),
  );
}

/** Checks that old tokens can be kept, and reminds of what that means after a leak. */
export function judgeGracePeriod(
  { token, tableName }: Target,
  grace: Grace,
  current: ColumnType | undefined,
  old: ColumnType | undefined,
  until: ColumnType | undefined,
): Verdict {
  if (old === undefined || until === undefined) {
    const missing = old === undefined ? grace.token : grace.until;
    return stop(`there is no column ${missing.fullName}.`, MIGRATE);
  }
  if (old.type !== current?.type) {
    return stop(
      `${grace.token.fullName} is of type ${old.type}, but ${token.fullName} of type ${current?.type}.`,
      'Give both columns the same type.',
    );
  }
  if (!old.isNullable || !until.isNullable) {
    const column = old.isNullable ? grace.until : grace.token;
    return stop(
      `${column.fullName} must be nullable, or old tokens could not be removed.`,
      `Run ALTER TABLE ${tableName} ALTER COLUMN ${nameForPeople(column.name)} DROP NOT NULL.`,
    );
  }
  return warning(
    `old tokens stay valid in ${grace.token.fullName} until their time in ${grace.until.fullName} is over.`,
    'That is right for a planned rotation. After a leak, remove grace from the target, or run expire-grace afterward.',
  );
}
