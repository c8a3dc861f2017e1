import type { Target } from '../config/target.ts';
import type { Queryable } from '../database/database.ts';
import { ok, type Verdict, warning } from './verdict.ts';

export async function inspectEncoding(database: Queryable, { key, token }: Target): Promise<Verdict> {
  const [found] = await database.$queryRaw<{ encoding: string }[]>`SELECT getdatabaseencoding() AS encoding`;
  const encoding = found?.encoding ?? '';
  const texts = [...key.columns, token].filter(({ type }) => type === 'String').map(({ fullName }) => fullName);
  return judgeEncoding(encoding, texts);
}

/** @param texts columns that hold text */
export function judgeEncoding(encoding: string, texts: readonly string[]): Verdict {
  // PostgreSQL converts every other encoding; of this one it does not know what the bytes mean.
  if (encoding !== 'SQL_ASCII' || texts.length === 0) return ok(`texts are stored as ${encoding}.`);
  return warning(
    `the encoding of the database is SQL_ASCII, so a value in ${texts.join(' or ')} that is no ASCII may be no valid UTF-8, and fails with 22021.`,
    `Look for such values: SELECT count(*) … WHERE ${texts[0]}::bytea::text LIKE '%\\\\%'. If there are any, correct them first.`,
  );
}
