import type { Target } from '../config/target.ts';
import type { Queryable } from '../database/database.ts';
import { rowTablesOf } from '../database/row-tables.ts';
import { type Sql, sql } from '../database/sql.ts';
import { listed } from '../text/wording.ts';
import { ok, stop, type Verdict, warning } from './verdict.ts';

/** A table that holds rows of the target, and who takes its changes or writes it by logical replication. */
export interface ReplicatedTable {
  /** All names are quoted where that is needed. */
  table: string;
  /** The publications of its updates. */
  publications: string[];
  /** True if PostgreSQL can say in such a publication which row it has updated. */
  hasReplicaIdentity: boolean;
  /** An index that could be the replica identity; null where there is none. */
  candidateIndex: string | null;
  /** The subscriptions that write it. */
  subscriptions: string[];
  disabledSubscriptions: string[];
}

export async function inspectPublications(database: Queryable, target: Target): Promise<Verdict> {
  return judgePublications(target, await readReplicatedTables(database, target));
}

/**
 * The rules for a replica identity are those of ALTER TABLE … REPLICA IDENTITY: an index that is unique, complete, not
 * deferrable, and of columns that are not null. A partition also belongs to the publications of its parents.
 */
async function readReplicatedTables(database: Queryable, target: Target): Promise<ReplicatedTable[]> {
  return database.$queryRaw<ReplicatedTable[]>`
    SELECT class.oid::regclass::text AS table,
      ARRAY(
        SELECT quote_ident(pubname) FROM pg_publication
        WHERE pubupdate AND (puballtables OR EXISTS (
          SELECT FROM pg_get_publication_tables(pubname::text) AS published
          WHERE published.relid = class.oid
            OR published.relid IN (SELECT relid::oid FROM pg_partition_ancestors(class.oid) AS parents (relid))
        ))
        ORDER BY pubname
      ) AS publications,
      CASE relreplident::text
        WHEN 'f' THEN true
        WHEN 'd' THEN EXISTS (SELECT FROM pg_index WHERE indrelid = class.oid AND indisprimary AND indimmediate)
        WHEN 'i' THEN EXISTS (SELECT FROM pg_index WHERE indrelid = class.oid AND indisreplident AND indisvalid)
        ELSE false
      END AS "hasReplicaIdentity",
      (
        SELECT quote_ident(relname) FROM pg_index JOIN pg_class AS index ON index.oid = indexrelid
        WHERE indrelid = class.oid AND indisunique AND indisvalid AND indimmediate AND indpred IS NULL
          AND NOT EXISTS (
            SELECT FROM unnest(indkey::int2[]) AS key (attnum)
            LEFT JOIN pg_attribute ON attrelid = indrelid AND pg_attribute.attnum = key.attnum
            WHERE attnotnull IS NOT TRUE
          )
        ORDER BY NOT indisprimary, indexrelid LIMIT 1
      ) AS "candidateIndex",
      ${subscriptionsOf(true)} AS subscriptions,
      ${subscriptionsOf(false)} AS "disabledSubscriptions"
    FROM pg_class AS class
    WHERE class.oid IN (SELECT oid FROM ${rowTablesOf(target)} AS tables)
    ORDER BY "table"`;
}

function subscriptionsOf(isEnabled: boolean): Sql {
  return sql`ARRAY(
    SELECT quote_ident(subname) FROM pg_subscription_rel JOIN pg_subscription ON pg_subscription.oid = srsubid
    WHERE srrelid = class.oid AND subenabled = ${isEnabled} ORDER BY subname
  )`;
}

export function judgePublications({ tableName }: Target, tables: readonly ReplicatedTable[]): Verdict {
  const subscriptions = namesOf(tables, 'subscriptions');
  if (subscriptions.length > 0) {
    return stop(
      `${tableName} is written by logical replication (subscription ${listed(subscriptions)}), which would bring the leaked tokens back.`,
      `Rotate in the database that it comes from, or run ALTER SUBSCRIPTION ${subscriptions[0]} DISABLE first.`,
    );
  }
  const [unidentified] = tables.filter(
    ({ publications, hasReplicaIdentity }) => publications.length > 0 && !hasReplicaIdentity,
  );
  if (unidentified !== undefined) {
    const { table, publications, candidateIndex } = unidentified;
    return stop(
      `${table} is published (${listed(publications)}) without a replica identity, so PostgreSQL rejects every update of it.`,
      candidateIndex === null
        ? `Run ALTER TABLE ${table} REPLICA IDENTITY FULL, or take the table out of the publication.`
        : `Run ALTER TABLE ${table} REPLICA IDENTITY USING INDEX ${candidateIndex}.`,
    );
  }
  const disabled = namesOf(tables, 'disabledSubscriptions');
  if (disabled.length > 0) {
    return warning(
      `a disabled subscription writes ${tableName} when it is enabled again: ${listed(disabled)}.`,
      'Rotate in the database that it comes from as well, or changes there bring the leaked tokens back.',
    );
  }
  const publications = namesOf(tables, 'publications');
  if (publications.length === 0) return ok(`${tableName} is in no publication, and no subscription writes it.`);
  return ok(`${tableName} has a replica identity for its publications: ${listed(publications)}.`);
}

function namesOf(
  tables: readonly ReplicatedTable[],
  which: 'publications' | 'subscriptions' | 'disabledSubscriptions',
): string[] {
  return [...new Set(tables.flatMap((table) => table[which]))].sort();
}
