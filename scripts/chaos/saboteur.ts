import { setTimeout as sleep } from 'node:timers/promises';
import { giveOrder, type NewOrder } from '../../src/checkpoint/orders.ts';
import { dataModelOf } from '../../src/config/data-model.ts';
import { recordTablesOf } from '../../src/config/record-tables.ts';
import { DEFAULT_SCHEMA } from '../../src/config/target.ts';
import type { EmbeddedServer } from '../support/embedded-server.ts';
import type { TicketDatabase } from '../support/ticket-database.ts';
import type { Random } from './random.ts';
import type { Rotators } from './rotators.ts';

/** Sabotage of the processes and the server, by weight. */
const FAULTS = {
  'process killed (SIGKILL)': 50,
  'process stopped and continued (SIGSTOP, SIGCONT)': 8,
  'process terminated (SIGTERM)': 6,
  'session ended (pg_terminate_backend)': 12,
  'statement cancelled (pg_cancel_backend)': 6,
  'server crashed and recovered (immediate shutdown)': 3,
  'rotation paused, for up to three seconds (pause)': 6,
  'settings changed (set)': 8,
} as const;
type Fault = keyof typeof FAULTS;

/** Milliseconds. A process is sometimes stopped for longer than its claim lasts, and its transaction may live. */
const MOST_BETWEEN_FAULTS_MS = 2_500;
const MOST_STOPPED_MS = 12_000;
const MOST_PAUSED_MS = 3_000;

/**
 * Does harm again and again until the signal is aborted.
 *
 * @param database a connection of its own, for what is done in SQL
 * @param rotators those of the moment
 * @param onFault told what was done
 */
export async function sabotage(
  server: EmbeddedServer,
  database: TicketDatabase,
  rotators: { readonly current?: Rotators },
  random: Random,
  signal: AbortSignal,
  onFault: (fault: Fault) => void,
): Promise<void> {
  const stopped: Promise<void>[] = [];
  const anyProcess = () => {
    const running = rotators.current?.running() ?? [];
    return running[random.between(0, Math.max(0, running.length - 1))];
  };
  const kill = (by: NodeJS.Signals) => anyProcess()?.kill(by) === true;

  /** @returns whether there was something to harm */
  const inflict: Record<Fault, () => Promise<boolean> | boolean> = {
    'process killed (SIGKILL)': () => kill('SIGKILL'),
    'process terminated (SIGTERM)': () => kill('SIGTERM'),
    'process stopped and continued (SIGSTOP, SIGCONT)'() {
      const child = anyProcess();
      const ms = random.between(100, MOST_STOPPED_MS);
      if (!child?.kill('SIGSTOP')) return false;
      stopped.push(sleep(ms).then(() => void child.kill('SIGCONT')));
      return true;
    },
    'session ended (pg_terminate_backend)': () => end(database, 'pg_terminate_backend'),
    'statement cancelled (pg_cancel_backend)': () => end(database, 'pg_cancel_backend'),
    async 'server crashed and recovered (immediate shutdown)'() {
      await server.crash();
      await server.restart();
      return true;
    },
    'rotation paused, for up to three seconds (pause)': () =>
      order(database, { action: 'pause', pauseMs: random.between(100, MOST_PAUSED_MS) }),
    'settings changed (set)': () =>
      order(database, {
        action: 'set',
        overrides: { workers: random.between(1, 4), maxRowsPerSecond: random.between(0, 1) === 0 ? null : 20_000 },
      }),
  };

  while (!signal.aborted) {
    await sleep(random.between(100, MOST_BETWEEN_FAULTS_MS));
    const fault = random.pick(FAULTS);
    if (await inflict[fault]()) onFault(fault);
  }
  await Promise.all(stopped);
}

/** Orders something of the open rotation. @returns whether there was one */
async function order(database: TicketDatabase, given: Pick<NewOrder, 'action'> & Partial<NewOrder>): Promise<boolean> {
  const tables = recordTablesOf(dataModelOf(database), DEFAULT_SCHEMA);
  const open = await database.rotation.findFirst({ where: { verifiedAt: null } }).catch(() => null);
  if (open === null) return false;
  const store = { database, tables, rotation: open.name };
  return giveOrder(store, { pauseMs: 0, overrides: {}, reason: 'chaos', givenBy: 'chaos', ...given }).then(
    () => true,
    () => false, // it is complete by now, or the server is away
  );
}

/** Interrupts one session that rotates, known by the comment in its statements. @returns whether there was one */
async function end(database: TicketDatabase, how: 'pg_terminate_backend' | 'pg_cancel_backend'): Promise<boolean> {
  const ended: unknown[] = await database
    .$queryRawUnsafe(`
      SELECT ${how}(pid) FROM (
        SELECT pid FROM pg_stat_activity WHERE query LIKE '%rotation=%' AND pid <> pg_backend_pid()
        ORDER BY state = 'active' DESC, random() LIMIT 1
      ) AS victim`)
    .then((rows) => rows as unknown[])
    .catch(() => []); // the server may just be away
  return ended.length > 0;
}
