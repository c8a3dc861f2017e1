import { CONNECTION_TIMEOUT_MS, type Database, type Queryable } from '../database/database.ts';
import { STATEMENT_TIMEOUT_MS, setLimits } from '../database/session.ts';

/**
 * Reads by index, in a transaction that cannot write; so this works on a replica, too.
 *
 * The planner is kept from scanning the whole table for every page or chunk, which it may find cheaper for one of them,
 * and from compiling the statement or taking more than one of the server's processors.
 */
export function readByIndex<Result>(
  database: Database,
  read: (transaction: Queryable) => Promise<Result>,
): Promise<Result> {
  return database.$transaction(
    async (transaction) => {
      await setLimits(transaction);
      await transaction.$queryRaw`
        SELECT set_config('transaction_read_only', 'on', true),
          set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true),
          set_config('jit', 'off', true), set_config('max_parallel_workers_per_gather', '0', true)`;
      return read(transaction);
    },
    {
      isolationLevel: 'ReadCommitted',
      timeout: STATEMENT_TIMEOUT_MS + CONNECTION_TIMEOUT_MS,
      maxWait: CONNECTION_TIMEOUT_MS,
    },
  );
}
