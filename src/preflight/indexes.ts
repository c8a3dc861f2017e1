import type { Target } from '../config/target.ts';
import type { Queryable } from '../database/database.ts';
import { nameForPeople } from '../database/sql.ts';
import { formatBytes } from '../text/format.ts';
import { countOf } from '../text/wording.ts';
import { changingColumns } from './generated-columns.ts';
import { ok, type Verdict, warning } from './verdict.ts';

/** An index of the table. */
export interface Index {
  /** Quoted where that is needed. */
  name: string;
  /** `btree`, `hash`, `brin`, … */
  method: string;
  /** In order, without those that are only included; `(expression)` for one that is no column. */
  keyColumns: string[];
  isUnique: boolean;
  /** False after CREATE INDEX CONCURRENTLY has failed: queries may not use it. */
  isValid: boolean;
  /** True if rows are inserted into it. */
  isReady: boolean;
  isPartial: boolean;
  /** True if the table is partitioned; a unique index must then include the columns that it is partitioned by. */
  isPartitioned: boolean;
  /** True if its key columns sort as the columns themselves do, and all in one direction. */
  sortsAsColumn: boolean;
  /** True if its key, expression or condition uses a column that changes with the token. */
  concernsToken: boolean;
  /** As of the last VACUUM or ANALYZE. */
  bytes: number;
}

/** Up to so many are no surprise: the key's, the token's and one more. */
const USUAL_INDEXES = 3;

const WORTH_TELLING_BYTES = 1e6;

/** Sizes are the catalog's own estimates: to measure an index would mean to wait for whoever has it locked. */
export async function readIndexes(database: Queryable, target: Target): Promise<Index[]> {
  return database.$queryRaw<Index[]>`
    SELECT class.oid::regclass::text AS name, amname::text AS method, indisunique AS "isUnique",
      indisvalid AS "isValid", indisready AS "isReady", indpred IS NOT NULL AS "isPartial",
      class.relkind = 'I' AS "isPartitioned",
      NOT EXISTS (
        SELECT FROM unnest(indkey::int2[], indclass::oid[], indcollation::oid[]) AS part (attnum, opclass, collid)
        JOIN pg_opclass ON pg_opclass.oid = part.opclass
        LEFT JOIN pg_attribute ON attrelid = indrelid AND pg_attribute.attnum = part.attnum
        WHERE NOT opcdefault OR collid <> coalesce(attcollation, collid)
      ) AND (SELECT count(DISTINCT direction & 1) = 1 FROM unnest(indoption::int2[]) AS direction) AS "sortsAsColumn",
      class.relpages::float8 * current_setting('block_size')::int AS bytes,
      ARRAY(
        SELECT coalesce(attname::text, '(expression)')
        FROM unnest(indkey::int2[]) WITH ORDINALITY AS key (attnum, place)
        LEFT JOIN pg_attribute ON attrelid = indrelid AND pg_attribute.attnum = key.attnum
        WHERE place <= indnkeyatts ORDER BY place
      ) AS "keyColumns",
      EXISTS (
        SELECT FROM ${changingColumns(target)} AS changing
        WHERE changing.attnum = ANY (indkey::int2[]) OR EXISTS (
          SELECT FROM pg_depend
          WHERE classid = 'pg_class'::regclass AND objid = indexrelid
            AND refclassid = 'pg_class'::regclass AND refobjid = indrelid AND refobjsubid = changing.attnum
        )
      ) AS "concernsToken"
    FROM pg_index
    JOIN pg_class AS class ON class.oid = indexrelid
    JOIN pg_am ON pg_am.oid = relam
    WHERE indrelid = to_regclass(${target.relation})
    ORDER BY indexrelid`;
}

export async function inspectUniqueIndex(database: Queryable, target: Target): Promise<Verdict> {
  return judgeUniqueIndex(target, await readIndexes(database, target));
}

export function judgeUniqueIndex({ tableName, token }: Target, indexes: readonly Index[]): Verdict {
  const unique = indexes.filter(({ isUnique, keyColumns }) => isUnique && keyColumns.includes(token.name));
  const onToken = unique.filter(({ keyColumns, isPartial }) => keyColumns.length === 1 && !isPartial);
  const working = onToken.find(({ isValid, isReady }) => isValid && isReady);
  if (working !== undefined) return ok(`index ${working.name} keeps tokens unique.`);
  const [invalid] = onToken;
  if (invalid !== undefined) {
    return warning(
      `the unique index ${invalid.name} on ${token.fullName} is invalid, so it may miss duplicates, and no query uses it.`,
      `Run REINDEX INDEX CONCURRENTLY ${invalid.name}.`,
    );
  }
  if (indexes.some(({ isPartitioned }) => isPartitioned)) {
    return warning(
      `${token.fullName} has no unique index of its own, which a partitioned table cannot have.`,
      'Verification looks for duplicates in tables of up to 2 million rows.',
    );
  }
  return warning(
    `${reasonAgainst(token.fullName, unique)}, so a duplicate would go unnoticed.`,
    `Run CREATE UNIQUE INDEX CONCURRENTLY ON ${tableName} (${nameForPeople(token.name)}).`,
  );
}

function reasonAgainst(token: string, [index]: readonly Index[]): string {
  if (index === undefined) return `${token} has no unique index`;
  const { name, keyColumns } = index;
  return keyColumns.length > 1
    ? `the unique index ${name} is on ${keyColumns.join(', ')} together, not on ${token} alone`
    : `the unique index ${name} is partial: it covers some rows only`;
}

export async function inspectIndexes(database: Queryable, target: Target): Promise<Verdict> {
  return judgeIndexes(target, await readIndexes(database, target));
}

/**
 * An update of an indexed column cannot be HOT (heap-only tuple): the row's new version is entered into every index,
 * whatever its columns. BRIN does not count, since it has no entries for rows.
 */
export function judgeIndexes({ tableName, token }: Target, indexes: readonly Index[]): Verdict {
  const written = indexes.filter(({ isReady, method }) => isReady && method !== 'brin');
  if (!written.some(({ concernsToken }) => concernsToken)) {
    return ok(
      `${token.fullName} is in no index, so no index is written where a page has room for the new version of a row.`,
    );
  }
  const bytes = written.reduce((sum, index) => sum + index.bytes, 0);
  const size = bytes >= WORTH_TELLING_BYTES ? ` (about ${formatBytes(bytes)})` : '';
  const state = `each rotated row gets a new entry in ${countOf(written.length, 'index', 'indexes')}${size}`;
  if (written.length <= USUAL_INDEXES) return ok(`${state}.`);
  return warning(
    `${state}, including those that are not on ${token.fullName}.`,
    'The rotation takes longer, writes more WAL, and these indexes grow. Drop unused ones ' +
      `(idx_scan = 0 in pg_stat_user_indexes); afterward REINDEX TABLE CONCURRENTLY ${tableName} shrinks them again.`,
  );
}
