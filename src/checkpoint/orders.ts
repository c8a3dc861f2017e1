import { randomBytes } from 'node:crypto';
import * as z from 'zod';
import { type Overrides, overridesSchema } from '../config/overrides.ts';
import { parse } from '../config/parse.ts';
import { ConfigurationError } from '../errors/errors.ts';
import { time } from './fields.ts';
import { loadRotation } from './rotation-record.ts';
import { columnOf, type Store, selectFields } from './store.ts';

/** What somebody ordered the processes of a rotation to do while they run: a row of `rotation_orders`, parsed. */
export type Order = z.output<typeof orderSchema>;

/** How long a pause lasts unless it says so. */
export const DEFAULT_PAUSE_MS = 30 * 60_000;

/** Bytes of an order's id. It is printed, and must not be taken for a token. */
const ID_BYTES = 8;

/** What an order may ask for. */
export const ACTIONS = ['pause', 'resume', 'set'] as const;

const orderSchema = z
  .object({
    id: z.string(),
    rotation: z.string(),
    action: z.enum(ACTIONS),
    /** The settings that it changed. */
    overrides: overridesSchema,
    /** Null unless it is a pause. */
    pausedUntil: time.nullable(),
    reason: z.string().nullable(),
    /** `user@host` of the command. */
    givenBy: z.string(),
    /** The database user. */
    role: z.string(),
    givenAt: time,
  })
  .readonly();

const FIELDS = Object.keys(orderSchema.unwrap().shape);

/** The columns that this version needs. */
export const ORDER_COLUMNS: readonly string[] = FIELDS.map(columnOf);

/** Selects what `parseOrder` takes. */
export const ORDER_FIELDS = selectFields(FIELDS);

/** @throws ConfigurationError when the row is not what this version writes (edited by hand, say) */
export function parseOrder(row: object): Order {
  return parse(orderSchema, row, (field) => `an order in rotation_orders: ${field}`);
}

/** @returns the orders of a rotation, the last first */
export async function loadOrders({ database, tables, rotation }: Store): Promise<Order[]> {
  const rows = await database.$queryRaw<object[]>`
    SELECT ${ORDER_FIELDS} FROM ${tables.orders} WHERE rotation = ${rotation} ORDER BY given_at DESC, id`;
  return rows.map(parseOrder);
}

/** An order that is yet to be given. */
export interface NewOrder {
  action: Order['action'];
  /** Milliseconds that a pause lasts; 0 for other orders. */
  pauseMs: number;
  /** Settings to change. */
  overrides: Overrides;
  reason: string | null;
  /** `user@host` */
  givenBy: string;
}

/**
 * Gives an order to all processes of a rotation, those of later runs included, and records it. They obey within two
 * seconds.
 *
 * @throws ConfigurationError when there is no such rotation, or it is complete and verified
 */
export async function giveOrder(store: Store, order: NewOrder): Promise<Order> {
  const { database, tables, rotation } = store;
  const record = await loadRotation(store);
  if (record === undefined) throw new ConfigurationError(`no rotation '${rotation}' is recorded. Check --name.`);
  if (record.verifiedAt !== null) {
    throw new ConfigurationError(`rotation '${rotation}' is complete, so there is nothing to ${order.action}.`);
  }
  const { action, pauseMs, overrides, reason, givenBy } = order;
  const rows = await database.$queryRaw<object[]>`
    WITH changed AS (
      UPDATE ${tables.rotations} SET overrides = overrides || ${JSON.stringify(overrides)}::jsonb,
        paused_until = CASE ${action}
          WHEN 'pause' THEN clock_timestamp() + ${pauseMs} * interval '1 millisecond' WHEN 'set' THEN paused_until END
      WHERE name = ${rotation}
      RETURNING name, paused_until
    )
    INSERT INTO ${tables.orders} (id, rotation, action, overrides, paused_until, reason, given_by, role, given_at)
    SELECT ${randomBytes(ID_BYTES).toString('hex')}, name, ${action}, ${JSON.stringify(overrides)}::jsonb,
      CASE ${action} WHEN 'pause' THEN paused_until END, ${reason}, ${givenBy}, session_user, clock_timestamp()
    FROM changed
    RETURNING ${ORDER_FIELDS}`;
  const [given] = rows;
  if (given === undefined) throw new ConfigurationError(`rotation '${rotation}' was deleted.`);
  return parseOrder(given);
}
