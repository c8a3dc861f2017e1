import { CHECKPOINT_COLUMNS } from '../checkpoint.ts';
import type { Queryable } from '../database.ts';
import type { Target } from '../target.ts';
import { listed } from '../wording.ts';
import { ok, stop, type Verdict } from './verdict.ts';

/** What the catalog says about one of the two tables. */
export interface Relation {
  /** Of the target's table, or `rotation_checkpoints`. */
  name: string;
  /** Where the search path finds it; null: nowhere. */
  schema: string | null;
  /** `pg_class.relkind`. */
  kind: string | null;
  columns: string[];
  /** Whether other tables inherit from it. */
  hasChildren: boolean;
  /** Whether row-level security applies to this user. */
  hidesRows: boolean | null;
  /** Schemas off the search path that have a table of this name, where the Prisma schema does not say which. */
  elsewhere: string[];
}

/** What a `relkind` that cannot be rotated is, and what to do about it. */
const OTHER_KINDS: Record<string, readonly [string, string]> = {
  p: [
    'a partitioned table',
    'Rotate each of its partitions as a target of its own, by a model that is mapped to it (@@map).',
  ],
  v: ['a view', 'Rotate the table behind it, as a target of its own.'],
  m: ['a materialized view', 'Rotate the table behind it, as a target of its own.'],
  f: ['a foreign table', 'Rotate it on the server that has its rows.'],
};

const MIGRATE = 'Run `npx prisma migrate deploy` first.';

export async function readRelations(
  database: Queryable,
  { tableName, relation, bareName }: Target,
): Promise<Relation[]> {
  return database.$queryRaw<Relation[]>`
    SELECT wanted.name, found.relnamespace::regnamespace::text AS schema, found.relkind::text AS kind,
      ARRAY(
        SELECT attname::text FROM pg_attribute WHERE attrelid = found.oid AND attnum > 0 AND NOT attisdropped
      ) AS columns,
      EXISTS (SELECT FROM pg_inherits WHERE inhparent = found.oid) AS "hasChildren",
      row_security_active(found.oid) AS "hidesRows",
      ARRAY(
        SELECT relnamespace::regnamespace::text FROM pg_class
        WHERE relname = wanted.bare AND relkind IN ('r', 'p', 'v', 'm', 'f') AND oid IS DISTINCT FROM found.oid
      ) AS elsewhere
    FROM (VALUES
      (${tableName}, ${relation}, ${bareName}), ('rotation_checkpoints', 'rotation_checkpoints', 'rotation_checkpoints')
    ) AS wanted (name, relation, bare)
    LEFT JOIN pg_class AS found ON found.oid = to_regclass(wanted.relation)`;
}

/** Whether the table is there and such that the other checks of it make sense. */
export function isOrdinaryTable(relations: readonly Relation[], name: string): boolean {
  return relations.some((relation) => relation.name === name && relation.kind === 'r');
}

export function judgeRelations(relations: readonly Relation[]): Verdict {
  for (const relation of relations) {
    const fault = faultOf(relation);
    if (fault !== undefined) return fault;
  }
  const tables = relations.map(({ schema, name }) => (name.includes('.') ? name : `${schema}.${name}`));
  return ok(`${tables.join(' and ')} are ordinary tables.`);
}

function faultOf(relation: Relation): Verdict | undefined {
  const { name, kind, hasChildren, hidesRows } = relation;
  if (kind === null) return stop(`there is no table ${name} in the search path.`, adviceOnMissing(relation));
  if (kind !== 'r') {
    const [what, advice] = OTHER_KINDS[kind] ?? ['no table', MIGRATE];
    return stop(`${name} is ${what}; only an ordinary table can be rotated.`, advice);
  }
  if (hasChildren) {
    return stop(
      `other tables inherit from ${name}, so that a key may occur more than once in it.`,
      `Take them out (ALTER TABLE … NO INHERIT ${name}), and rotate each as a table of its own.`,
    );
  }
  if (hidesRows) {
    return stop(
      `row-level security applies to this user on ${name}, and rows that are not seen would keep their leaked token.`,
      'Put a user with BYPASSRLS into DATABASE_URL, or the owner of the table unless row security is forced.',
    );
  }
  return name === 'rotation_checkpoints' ? faultOfVersion(relation) : undefined;
}

function adviceOnMissing({ elsewhere }: Relation): string {
  if (elsewhere.length === 0) return MIGRATE;
  const where = `If the one in schema ${listed(elsewhere)} is meant`;
  return `${MIGRATE} ${where}, add ?schema=… to DATABASE_URL; its user needs USAGE on that schema.`;
}

/** A table of an earlier version lacks columns. */
function faultOfVersion({ name, columns }: Relation): Verdict | undefined {
  const missing = CHECKPOINT_COLUMNS.filter((column) => !columns.includes(column));
  return missing.length > 0 ? stop(`${name} lacks ${listed(missing)}.`, MIGRATE) : undefined;
}
