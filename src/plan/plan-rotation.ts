import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { insertCheckpoints } from '../checkpoint/checkpoints.ts';
import { bucketsFor, type HashedAs, hashFormOf } from '../checkpoint/condemned-tokens.ts';
import { type Store, storeOf } from '../checkpoint/store.ts';
import { condemns } from '../config/settings.ts';
import type { RotationContext } from '../context.ts';
import type { Queryable } from '../database/database.ts';
import { retry } from '../database/retry.ts';
import { ConfigurationError } from '../errors/errors.ts';
import type { FaultKind } from '../errors/fault-table.ts';
import { readColumnType } from '../preflight/columns.ts';
import { announceRotation } from './announce.ts';
import { condemnTokens } from './condemn.ts';
import { type PartitionPlan, planListed, planPartitions } from './partitions.ts';
import { inSnapshot } from './table-scan.ts';

/** Interval of checking whether the process that plans has finished, in milliseconds. */
const PLAN_POLL_MS = 250;

/** Two that plan at the same moment may collide. */
const WAITED_OUT: readonly FaultKind[] = ['passing', 'contended'];

/**
 * Plans a rotation: watermark, partitions and condemned tokens, as they are at one moment, recorded in one transaction.
 * Killed at any instant, it is done again. Of several processes one does it, and the others wait.
 *
 * @param listed rows that hold a token of `context.only`
 * @returns `empty` when the table has no rows; nothing is recorded then
 * @throws ConfigurationError when another rotation of the column is open
 */
export async function planRotation(context: RotationContext, listed = 0): Promise<'planned' | 'empty'> {
  const { target, signal, onEvent } = context;
  const store = storeOf(context);
  let isReported = false;
  for (;;) {
    await retry(context, () => announceRotation(store, target, context.settings, context.only?.sha256 ?? null));
    const end = await retry(context, () => planUnderLock(context, store, listed), { kinds: WAITED_OUT });
    if (end !== 'held') return end;
    if (!isReported) onEvent({ type: 'waitingForPlan' });
    isReported = true;
    await sleep(PLAN_POLL_MS, undefined, { signal });
  }
}

function planUnderLock(context: RotationContext, store: Store, listed: number): Promise<'planned' | 'empty' | 'held'> {
  const { database, target, only } = context;
  return inSnapshot(database, false, async (transaction) => {
    const [record] = await transaction.$queryRaw<{ isPlanned: boolean }[]>`
      SELECT planned_at IS NOT NULL AS "isPlanned" FROM ${store.tables.rotations}
      WHERE name = ${store.rotation} FOR UPDATE SKIP LOCKED`;
    if (record === undefined) return 'held';
    if (record.isPlanned) return 'planned';
    const plan = await (only === undefined
      ? planPartitions(transaction, target, store.rotation)
      : planListed(transaction, target, store.rotation, listed));
    if (plan === null) {
      await transaction.$executeRaw`DELETE FROM ${store.tables.rotations} WHERE name = ${store.rotation}`;
      return 'empty';
    }
    await recordPlan(transaction, context, store, plan);
    return 'planned';
  });
}

async function recordPlan(
  transaction: Queryable,
  context: RotationContext,
  store: Store,
  { watermark, partitions, rowsInScope }: PartitionPlan,
): Promise<void> {
  const { target, settings, only } = context;
  const condemned =
    only === undefined && condemns(settings, rowsInScope)
      ? await condemn(transaction, context, store, rowsInScope)
      : null;
  await insertCheckpoints(transaction, store, partitions);
  await transaction.$executeRaw`
    UPDATE ${store.tables.rotations}
    SET watermark = ${watermark}, table_oid = ${target.relation}::regclass::oid::bigint,
      plan_xid = pg_current_xact_id()::text::bigint, planned_at = clock_timestamp(),
      condemned = ${condemned?.count ?? null}::bigint, hash_form = ${condemned?.hashedAs.form ?? null},
      hash_seed = ${condemned?.hashedAs.seed ?? null}::bigint, hash_buckets = ${condemned?.hashedAs.buckets ?? null}::int
    WHERE name = ${store.rotation}`;
}

async function condemn(
  transaction: Queryable,
  { target, signal, onEvent }: RotationContext,
  store: Store,
  rows: number,
): Promise<{ count: number; hashedAs: HashedAs }> {
  const column = await readColumnType(transaction, target, target.token);
  if (column === undefined) throw new ConfigurationError(`there is no column ${target.token.fullName}.`);
  const seed = randomBytes(8).readBigInt64BE();
  const hashedAs = { form: hashFormOf(column.baseType), seed, buckets: bucketsFor(rows) };
  onEvent({ type: 'condemning', blocksDone: 0, blocksTotal: 0, rows });
  const count = await condemnTokens(transaction, target, store, hashedAs, signal, (progress) =>
    onEvent({ type: 'condemning', ...progress, rows }),
  );
  onEvent({ type: 'condemned', tokens: count });
  return { count, hashedAs };
}
