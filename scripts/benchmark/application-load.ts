/**
 * The application whose latency is measured: looks tickets up by token and changes tickets by key, at a fixed pace
 * whatever the server does, until SIGTERM; then prints what it measured, as JSON. A process of its own, so that nobody
 * else's work is taken for the server's.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseDatabaseUrl } from '../../src/config/database-url.ts';
import { openTicketDatabase } from '../support/ticket-database.ts';

/** Results of one kind of request. */
export interface Latencies {
  requests: number;
  p50Ms: number;
  p99Ms: number;
  maxMs: number;
}

const LOOKUPS_PER_SECOND = 200;
const CHANGES_PER_SECOND = 50;
const CONNECTIONS = 8;
const TOKENS_KNOWN = 10_000;

/** Until everything is compiled and connected, in milliseconds: not counted. */
const WARM_UP_MS = 2_500;

const database = openTicketDatabase(parseDatabaseUrl(process.env), { connections: CONNECTIONS });
const known = await database.ticket.findMany({ select: { id: true, token: true }, take: TOKENS_KNOWN });
const stopping = new AbortController();
process.on('SIGTERM', () => stopping.abort());

const [lookups, changes] = await Promise.all([
  atPace(LOOKUPS_PER_SECOND, ({ token }) => database.$queryRaw`SELECT id FROM tickets WHERE token = ${token}::uuid`),
  atPace(CHANGES_PER_SECOND, ({ id }) => database.$executeRaw`UPDATE tickets SET subject = 'sold' WHERE id = ${id}`),
]);
await database.$disconnect();
process.stdout.write(`${JSON.stringify({ lookups, changes })}\n`);

/** A request that gets no connection in time fails, and its user has waited until then. Nothing else may fail. */
function refuseOther(error: unknown): void {
  if (!String(error).includes('timeout exceeded when trying to connect')) throw error;
}

/** Starts a request at each tick, whether the ones before have been answered or not, as users do. */
async function atPace(
  perSecond: number,
  request: (ticket: { id: bigint; token: string }) => Promise<unknown>,
): Promise<Latencies> {
  const latenciesMs: number[] = [];
  const answers: Promise<void>[] = [];
  const startedAtMs = performance.now();
  for (let tick = 0; !stopping.signal.aborted; tick += 1) {
    const dueAtMs = startedAtMs + (tick * 1000) / perSecond;
    if (dueAtMs > performance.now()) await sleep(dueAtMs - performance.now());
    const ticket = known[Math.floor(Math.random() * known.length)];
    if (ticket === undefined) throw new Error('there are no tickets');
    // From when it was due: a request that had to wait for its turn has kept its user waiting, too.
    const isCounted = dueAtMs - startedAtMs > WARM_UP_MS;
    const answered = request(ticket).catch(refuseOther);
    answers.push(answered.then(() => void (isCounted && latenciesMs.push(performance.now() - dueAtMs))));
  }
  await Promise.all(answers);
  const ascending = latenciesMs.sort((a, b) => a - b);
  const at = (share: number) => ascending[Math.min(ascending.length - 1, Math.floor(share * ascending.length))] ?? 0;
  return { requests: ascending.length, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) };
}
