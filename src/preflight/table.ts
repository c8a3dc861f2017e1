import { CHECKPOINT_COLUMNS } from '../checkpoint/checkpoints.ts';
import { CHECK_COLUMNS } from '../checkpoint/checks.ts';
import { ORDER_COLUMNS } from '../checkpoint/orders.ts';
import { ROTATION_COLUMNS } from '../checkpoint/rotation-record.ts';
import { RUN_COLUMNS } from '../checkpoint/runs.ts';
import { OWN_SCHEMA, type RECORD_TABLES } from '../config/record-tables.ts';
import type { Target } from '../config/target.ts';
import type { Queryable } from '../database/database.ts';
import { nameForPeople, sql } from '../database/sql.ts';
import { listed } from '../text/wording.ts';
import { ok, stop, type Verdict, warning } from './verdict.ts';

/** A table that a rotation uses, as the catalog describes it. */
export interface Relation {
  /** As people write it. */
  name: string;
  /** The schema that every statement names. */
  schema: string;
  /** True if the schema exists. */
  schemaExists: boolean;
  /** `pg_class.relkind`; null: there is no such table. */
  kind: string | null;
  columns: string[];
  /** True if other tables inherit from it, other than as partitions. */
  hasChildren: boolean;
  /** Partitions on other servers, which cannot be read or locked like its own. */
  foreignPartitions: string[];
  /** True if row-level security applies to this user. */
  hidesRows: boolean | null;
  /** True if a crash of the server empties it. */
  isUnlogged: boolean;
  /** Other schemas that have a table or view of this name. */
  elsewhere: string[];
  /** Of these, the ones in this user's search_path. */
  lookalikes: string[];
  /** The columns that this version needs; null: any. */
  needed: readonly string[] | null;
}

/** Names each `relkind` that cannot be rotated, with advice. */
const OTHER_KINDS: Record<string, readonly [string, string]> = {
  v: ['a view', 'Rotate the table behind it instead.'],
  m: ['a materialized view', 'Rotate the table behind it instead.'],
  f: ['a foreign table', 'Rotate it on the server that has its rows.'],
};

const MIGRATE = 'Run `npx prisma migrate deploy` first.';

/** For tables that no migration of the project creates. */
const INIT = 'Run `npx rotate-tokens init` first.';

export async function readRelations(database: Queryable, target: Target): Promise<Relation[]> {
  const { tableName, schema, bareName, records } = target;
  const tables = [
    { name: tableName, schema, bare: bareName, needed: null },
    ...Object.entries(RECORD_COLUMNS).map(([bare, needed]) => ({
      name: records.schema === 'public' ? bare : `${nameForPeople(records.schema)}.${bare}`,
      schema: records.schema,
      bare,
      needed,
    })),
  ];
  const found = await database.$queryRaw<Omit<Relation, 'needed'>[]>`
    SELECT wanted.name, wanted.schema, namespace.oid IS NOT NULL AS "schemaExists", found.relkind::text AS kind,
      ARRAY(
        SELECT attname::text FROM pg_attribute WHERE attrelid = found.oid AND attnum > 0 AND NOT attisdropped
      ) AS columns,
      found.relkind <> 'p' AND EXISTS (SELECT FROM pg_inherits WHERE inhparent = found.oid) AS "hasChildren",
      ARRAY(
        SELECT leaf.oid::regclass::text FROM pg_partition_tree(found.oid) JOIN pg_class AS leaf ON leaf.oid = relid
        WHERE leaf.relkind NOT IN ('r', 'p') ORDER BY 1
      ) AS "foreignPartitions",
      row_security_active(found.oid) AS "hidesRows",
      coalesce(found.relpersistence = 'u', false) OR EXISTS (
        SELECT FROM pg_partition_tree(found.oid) JOIN pg_class AS leaf ON leaf.oid = relid WHERE leaf.relpersistence = 'u'
      ) AS "isUnlogged",
      ARRAY(SELECT nspname::text FROM ${OTHERS_OF_THAT_NAME}) AS elsewhere,
      ARRAY(SELECT nspname::text FROM ${OTHERS_OF_THAT_NAME} WHERE nspname = ANY (current_schemas(true))) AS lookalikes
    FROM jsonb_to_recordset(${JSON.stringify(tables.map((table, place) => ({ ...table, place })))}::jsonb) AS wanted (name text, schema text, bare text, place int)
    LEFT JOIN pg_namespace AS namespace ON namespace.nspname = wanted.schema
    LEFT JOIN pg_class AS found ON found.relnamespace = namespace.oid AND found.relname = wanted.bare
    ORDER BY place`;
  return found.map((relation, index) => ({ ...relation, needed: tables[index]?.needed ?? null }));
}

/** Tables and views that could be taken for the one that is wanted. */
const OTHERS_OF_THAT_NAME = sql`
  (
    SELECT nspname FROM pg_class AS other JOIN pg_namespace ON pg_namespace.oid = other.relnamespace
    WHERE other.relname = wanted.bare AND other.relkind IN ('r', 'p', 'v', 'm', 'f') AND other.oid IS DISTINCT FROM found.oid
    ORDER BY nspname
  ) AS others`;

/** The package's own tables, and the columns that this version writes. */
const RECORD_COLUMNS: Record<(typeof RECORD_TABLES)[number], readonly string[]> = {
  rotations: ROTATION_COLUMNS,
  rotation_checkpoints: CHECKPOINT_COLUMNS,
  condemned_tokens: ['rotation', 'bucket', 'hashes'],
  rotation_runs: RUN_COLUMNS,
  rotation_orders: ORDER_COLUMNS,
  rotation_checks: CHECK_COLUMNS,
};

/** Checks that the table exists and that the other checks of it make sense. */
export function isTable(relations: readonly Relation[], name: string): boolean {
  return relations.some((relation) => relation.name === name && (relation.kind === 'r' || relation.kind === 'p'));
}

export function judgeRelations(relations: readonly Relation[]): Verdict {
  for (const relation of relations) {
    const fault = faultOf(relation);
    if (fault !== undefined) return fault;
  }
  const [target] = relations;
  return (
    doubtAbout(relations) ??
    ok(
      target?.kind === 'p'
        ? `${target.name} in schema ${target.schema} is a partitioned table; the tables of this package are ordinary ones.`
        : `${target?.name} in schema ${target?.schema} is an ordinary table, and so are the tables of this package.`,
    )
  );
}

/** Findings that do not stop a rotation. */
function doubtAbout(relations: readonly Relation[]): Verdict | undefined {
  const unlogged = relations.find(({ isUnlogged }) => isUnlogged);
  if (unlogged !== undefined) {
    return warning(
      `${unlogged.name} is unlogged: a crash of the server empties it.`,
      'If its rows are then loaded from a backup, their leaked tokens come back: run verify afterward. ' +
        `To be safe, run ALTER TABLE ${unlogged.name} SET LOGGED first.`,
    );
  }
  const mistakable = relations.find(({ lookalikes }) => lookalikes.length > 0);
  if (mistakable === undefined) return undefined;
  const { name, schema, lookalikes } = mistakable;
  return warning(
    `${listed(lookalikes.map(nameForPeople))} in the search_path of this user ${lookalikes.length === 1 ? 'has' : 'have'} a table of the same name as ${name}. This rotation uses the one in schema ${nameForPeople(schema)}.`,
    `Check that it is the one that leaked. If not, add ?schema=${lookalikes[0]} to DATABASE_URL.`,
  );
}

function faultOf(relation: Relation): Verdict | undefined {
  const { name, schema, schemaExists, kind, hasChildren, foreignPartitions, hidesRows, needed } = relation;
  if (!schemaExists && schema === OWN_SCHEMA) return stop('the tables of this package are missing.', INIT);
  if (!schemaExists) {
    return stop(
      `there is no schema ${nameForPeople(schema)}.`,
      '?schema= in DATABASE_URL takes the exact name of one schema.',
    );
  }
  if (kind === null) {
    return stop(`there is no table ${name} in schema ${nameForPeople(schema)}.`, adviceOnMissing(relation));
  }
  if (foreignPartitions.length > 0) {
    return stop(
      `${listed(foreignPartitions)} of ${name} ${foreignPartitions.length === 1 ? 'is a foreign table' : 'are foreign tables'}, whose rows cannot be rotated from here.`,
      'Detach them, and rotate them on the servers that have their rows.',
    );
  }
  if (kind !== 'r' && (kind !== 'p' || needed !== null)) {
    const [what, advice] = OTHER_KINDS[kind] ?? ['no table', MIGRATE];
    return stop(`${name} is ${what}; only an ordinary or a partitioned table can be rotated.`, advice);
  }
  if (hasChildren) {
    return stop(
      `other tables inherit from ${name}, so a key may occur in it more than once.`,
      `Detach them (ALTER TABLE … NO INHERIT ${name}) and rotate each as a separate target.`,
    );
  }
  if (hidesRows) {
    return stop(
      `row-level security applies to this user on ${name}, and hidden rows would keep their leaked tokens.`,
      'Use a user with BYPASSRLS in DATABASE_URL, or the owner of the table unless row security is forced.',
    );
  }
  const missing = (needed ?? []).filter((column) => !relation.columns.includes(column));
  if (missing.length === 0) return undefined;
  return stop(`${name} lacks ${listed(missing)}.`, schema === OWN_SCHEMA ? INIT : MIGRATE);
}

function adviceOnMissing({ schema, elsewhere }: Relation): string {
  const [other] = elsewhere;
  if (schema === OWN_SCHEMA) return INIT;
  if (other === undefined) return MIGRATE;
  return `${MIGRATE} If the one in schema ${listed(elsewhere.map(nameForPeople))} is meant, add ?schema=${other} to DATABASE_URL; its user needs USAGE on that schema.`;
}
