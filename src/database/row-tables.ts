import type { Target } from '../config/target.ts';
import { type Sql, sql } from './sql.ts';

/** Selects, as `oid`, the tables that hold the target's rows: its table, or all partitions at any depth. */
export function rowTablesOf({ relation }: Pick<Target, 'relation'>): Sql {
  return sql`(
    SELECT oid FROM pg_class WHERE oid = to_regclass(${relation}) AND relkind <> 'p'
    UNION ALL
    SELECT relid::oid FROM pg_partition_tree(to_regclass(${relation})) WHERE isleaf AND relid <> to_regclass(${relation})
  )`;
}
