import { tokenColumnOf } from '../config/target.ts';
import type { RotationContext } from '../context.ts';
import { arrayLiteral } from '../database/array-literal.ts';
import { retry } from '../database/retry.ts';
import { type Sql, sql } from '../database/sql.ts';
import type { LeakedText } from './leaked-entry.ts';
import { readByIndex } from './read-only.ts';
import { type Storage, storedForms } from './stored-forms.ts';

/** Forms that one statement looks for: each is hashed anew for each rotation. */
const FORMS_PER_LOOKUP = 20_000;

/**
 * Finds those entries of a leaked list that some rotation of this column has condemned: whatever they look like now,
 * they were tokens of it. Rotations keep their hashes until they are verified, or longer with `--keep-condemned`.
 *
 * @returns their lines
 */
export async function condemnedLines(
  context: RotationContext,
  storage: Storage,
  entries: readonly LeakedText[],
): Promise<Set<number>> {
  const given = entries.flatMap(({ line, text }) => storedForms(storage, text, null).map((form) => ({ line, form })));
  const found = new Set<number>();
  for (let start = 0; start < given.length; start += FORMS_PER_LOOKUP) {
    const some = given.slice(start, start + FORMS_PER_LOOKUP);
    const query = queryFor(context, storage, some);
    const rows = await retry(context, () =>
      readByIndex(context.database, (transaction) => transaction.$queryRaw<{ line: number }[]>(query)),
    );
    for (const { line } of rows) found.add(line);
  }
  return found;
}

function queryFor(
  { target }: RotationContext,
  storage: Storage,
  given: readonly { line: number; form: string }[],
): Sql {
  const { rotations, condemnedTokens } = target.records;
  const lines = arrayLiteral(given.map(({ line }) => String(line)));
  const forms = arrayLiteral(given.map(({ form }) => form));
  // Bytes are hashed as their hexadecimal digits.
  const text =
    storage === 'hashed bytes'
      ? sql`encode(form::bytea, 'hex')`
      : sql`CASE hash_form WHEN 'citext' THEN lower(form) ELSE form END`;
  return sql`
    SELECT DISTINCT line FROM unnest(${lines}::int[], ${forms}::text[]) AS given (line, form)
    CROSS JOIN ${rotations} AS rotation
    CROSS JOIN LATERAL (VALUES (hashtextextended(${text} COLLATE "C", rotation.hash_seed))) AS hashed (hash)
    JOIN ${condemnedTokens} AS condemned
      ON condemned.rotation = rotation.name AND condemned.bucket = (hash & (rotation.hash_buckets - 1))::int
      AND hash = ANY (condemned.hashes)
    WHERE rotation.token_column = ${tokenColumnOf(target)} AND rotation.hash_form IN ('text', 'citext', 'hex')`;
}
