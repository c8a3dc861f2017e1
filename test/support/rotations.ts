import type { TicketDatabase } from '../../scripts/support/ticket-database.ts';
import { insertCheckpoints, type PlannedPartition } from '../../src/checkpoint/checkpoints.ts';
import { type Store, storeOf } from '../../src/checkpoint/store.ts';
import { parseSettings, type RotationContext } from '../../src/index.ts';
import { planRotation } from '../../src/plan/plan-rotation.ts';
import { TICKETS } from './tickets.ts';

/** Where a rotation of tickets is recorded. */
export function storeFor(database: TicketDatabase, name = 'test'): Store {
  return storeOf({ database, target: TICKETS, settings: { name } });
}

/** What a rotation of tickets is given; nothing aborts it, and its events go nowhere, unless said otherwise. */
export function ticketContext(database: TicketDatabase, more: Partial<RotationContext> = {}): RotationContext {
  return {
    database,
    target: TICKETS,
    settings: parseSettings({ name: 'test' }),
    signal: new AbortController().signal,
    onEvent: () => {},
    ...more,
  };
}

/** Plans the rotation `test` of the tickets there are now. */
export async function planTickets(database: TicketDatabase): Promise<void> {
  await planRotation(ticketContext(database));
}

/** Records these partitions as those of a planned rotation, by hand. */
export async function recordPartitions(
  database: TicketDatabase,
  partitions: readonly PlannedPartition[],
): Promise<void> {
  const last = partitions.at(-1);
  if (last === undefined) throw new Error('a rotation has at least one partition');
  await database.rotation.create({
    data: {
      name: last.rotation,
      target: TICKETS.label,
      tokenColumn: '"public"."tickets"."token"',
      watermark: last.upperBound,
      plannedAt: new Date(),
    },
  });
  await insertCheckpoints(database, storeFor(database, last.rotation), partitions);
}
