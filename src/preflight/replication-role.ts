import type { Queryable } from '../database/database.ts';
import { ok, type Verdict, warning } from './verdict.ts';

export async function inspectReplicationRole(database: Queryable): Promise<Verdict> {
  const [session] = await database.$queryRaw<{ role: string }[]>`
    SELECT current_setting('session_replication_role') AS role`;
  if (session?.role !== 'replica') return ok('triggers and foreign keys work as the application has them.');
  return warning(
    'session_replication_role is replica for this user, so ordinary triggers and foreign keys ignore the updates.',
    'If the application relies on them, reset it (ALTER ROLE … RESET session_replication_role) or use another user.',
  );
}
