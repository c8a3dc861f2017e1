import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from '../../src/database/sql.ts';
import { faultKind } from '../../src/errors/faults.ts';
import { openTicketDatabase, type TicketDatabase } from '../support/ticket-database.ts';
import type { Random } from './random.ts';

/** The application's own record of its writes to one ticket, for the final check. */
export interface Memory {
  /** Possible subjects: several if answers were lost; UNKNOWN if it may be the original one. */
  subjects: Set<string>;
  /** Tokens that it gave the ticket itself, each acknowledged by the server. */
  tokens: string[];
  /** `perhaps` when the answer was lost. */
  deleted: boolean | 'perhaps';
}

/** Stands for what a ticket had before the application touched it. */
export const UNKNOWN = '';

export interface Application {
  /** By the ticket's key. Holds what has been acknowledged, and what may have been written. */
  readonly memories: ReadonlyMap<bigint, Memory>;
  /** Number of acknowledged writes. */
  readonly writes: number;
  /** Does something while the application does not write. */
  whileQuiet<T>(work: () => Promise<T>): Promise<T>;
  stop(): Promise<void>;
}

/** Actions of the application, by weight. */
const WORK = {
  'change subject': 40,
  'change token': 15,
  insert: 15,
  delete: 5,
  'change several at once': 20,
  'write an old token back': 10,
  'move to another key': 4,
  replace: 6,
} as const;

const MOST_PAUSE_MS = 15;

/** Length of a transaction that was left open, in milliseconds: longer than a batch waits for a lock. */
const LONG_LOCK_MS = 2_500;
const MOST_BETWEEN_LONG_LOCKS_MS = 20_000;

/** A write is tried for so long before the chaos itself is called broken. */
const MAX_OUTAGE_MS = 60_000;

/**
 * A shop that goes on selling: it writes to the same rows, in transactions of several rows in any order, and remembers
 * what the server has acknowledged.
 */
export function startApplication(url: string, highestKey: bigint, random: Random): Application {
  const database = openTicketDatabase(url, { connections: 2 });
  const memories = new Map<bigint, Memory>();
  const stopping = new AbortController();
  let writes = 0;
  let serial = 0;
  let turn: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(next: () => Promise<T>): Promise<T> => {
    const done = turn.then(next);
    turn = done.catch(() => {});
    return done;
  };

  const remembered = (id: bigint): Memory => {
    const memory = memories.get(id) ?? { subjects: new Set([UNKNOWN]), tokens: [], deleted: false };
    memories.set(id, memory);
    return memory;
  };
  const anyKey = () => BigInt(random.between(1, Number(highestKey)));

  const work: Record<keyof typeof WORK, () => Promise<void>> = {
    'change subject': () => changeSubjects([anyKey()]),
    'change several at once': () => changeSubjects(Array.from({ length: 5 }, anyKey)),
    // Not before the plan: a token that was given up by then is not condemned, and may come back.
    async 'change token'() {
      if (!(await isOpen(database))) return;
      const [id, token] = [anyKey(), crypto.randomUUID()];
      const { count } = await database.ticket.updateMany({ where: { id }, data: { token } });
      if (count > 0) remembered(id).tokens.push(token);
    },
    async insert() {
      const subject = `new ${serial++}`;
      const { id } = await database.ticket.create({ data: { subject, holderEmail: 'new@example.com' } });
      remembered(id).subjects = new Set([subject]);
    },
    async delete() {
      const id = anyKey();
      const memory = remembered(id);
      memory.deleted ||= 'perhaps';
      await database.ticket.deleteMany({ where: { id } });
      memory.deleted = true;
    },
    'write an old token back': () => writeOldTokenBack(anyKey()),
    'move to another key': () => move(anyKey()),
    replace: () => replace(anyKey()),
  };

  /** @returns true if a rotation is planned and not complete; it cannot complete before the transaction ends */
  async function isOpen(transaction: Pick<TicketDatabase, '$queryRaw'>): Promise<boolean> {
    const open = await transaction.$queryRaw<unknown[]>`
      SELECT FROM rotation_checkpoints WHERE completed_at IS NULL LIMIT 1 FOR SHARE`;
    return open.length > 0;
  }

  /** Writes an old token, as from a cache. Only before a rotation is complete: later writes are beyond its proof. */
  async function writeOldTokenBack(id: bigint): Promise<void> {
    await database.$transaction(async (transaction) => {
      if (!(await isOpen(transaction))) return;
      await transaction.$executeRaw`
        UPDATE tickets SET token = before.token FROM tickets_before AS before
        WHERE tickets.id = ${id} AND before.id = ${id}`;
    });
  }

  /** To where the rotation has been already, or to where it does not go. */
  async function move(from: bigint): Promise<void> {
    const memory = remembered(from);
    memory.deleted ||= 'perhaps';
    const to = random.between(0, 1) === 0 ? sql`${-serial++}` : sql`nextval(pg_get_serial_sequence('tickets', 'id'))`;
    const [moved] = await database.$queryRaw<{ id: bigint }[]>`
      UPDATE tickets SET id = ${to} WHERE id = ${from} RETURNING id`;
    if (moved !== undefined) Object.assign(remembered(moved.id), { ...memory, deleted: false });
    memory.deleted = true;
  }

  /** By another row with the same key and token, as a restore or an import does. */
  async function replace(id: bigint): Promise<void> {
    await database.$transaction(async (transaction) => {
      const [ticket] = await transaction.$queryRaw<{ token: string; subject: string }[]>`
        SELECT token::text, subject FROM tickets WHERE id = ${id} FOR UPDATE`;
      if (ticket === undefined) return;
      await transaction.ticket.delete({ where: { id } });
      await transaction.ticket.create({ data: { ...ticket, id, holderEmail: 'replaced@example.com' } });
    });
  }

  /** In one transaction, and in the order given: whoever locks in another order may deadlock with it. */
  async function changeSubjects(ids: bigint[]): Promise<void> {
    const changes = ids.map((id) => ({ id, subject: `changed ${serial++}` }));
    for (const { id, subject } of changes) remembered(id).subjects.add(subject);
    await database.$transaction(
      changes.map(({ id, subject }) => database.ticket.updateMany({ where: { id }, data: { subject } })),
    );
    for (const { id, subject } of changes) remembered(id).subjects = new Set([subject]);
  }

  async function lockForLong(): Promise<void> {
    await sleep(random.between(0, MOST_BETWEEN_LONG_LOCKS_MS), undefined, { signal: stopping.signal });
    const id = anyKey();
    await database.$transaction(
      async (transaction) => {
        await transaction.$queryRaw`SELECT id FROM tickets WHERE id = ${id} FOR UPDATE`;
        await sleep(LONG_LOCK_MS);
      },
      { timeout: 2 * LONG_LOCK_MS },
    );
  }

  async function writeOnce(): Promise<void> {
    await inTurn(work[random.pick(WORK)]);
    writes += 1;
    await sleep(random.between(0, MOST_PAUSE_MS));
  }

  const ended = Promise.all([untilAborted(stopping.signal, writeOnce), untilAborted(stopping.signal, lockForLong)]);
  ended.catch(() => {}); // `stop` tells

  return {
    memories,
    get writes() {
      return writes;
    },
    whileQuiet: inTurn,
    async stop() {
      stopping.abort();
      await ended.finally(() => database.$disconnect());
    },
  };
}

/** Does it again and again. Faults are what this is about: they are waited out, but not for ever. */
async function untilAborted(signal: AbortSignal, work: () => Promise<void>): Promise<void> {
  let failingSinceMs: number | undefined;
  while (!signal.aborted) {
    try {
      await work();
      failingSinceMs = undefined;
    } catch (error) {
      if (signal.aborted) return;
      failingSinceMs ??= performance.now();
      const isOver = performance.now() - failingSinceMs > MAX_OUTAGE_MS;
      if (isOver || faultKind(error) === 'unknown') throw error;
      await sleep(100);
    }
  }
}
