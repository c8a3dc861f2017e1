import { parseDatabaseUrl } from '../../src/config/database-url.ts';
import { openTicketDatabase } from '../support/ticket-database.ts';
import { LONGEST_STATEMENT_MS, STRATEGIES } from './strategies.ts';

/**
 * Runs one strategy in a process of its own, so that its memory is its own: `run-strategy.ts NAME ROWS`. Prints the
 * seconds from the first statement to the last, and how many of them were spent before the first row.
 */
const [name = '', rows = ''] = process.argv.slice(2);
const strategy = STRATEGIES[name];
if (strategy === undefined) throw new Error(`there is no strategy "${name}"`);
const database = openTicketDatabase(parseDatabaseUrl(process.env), { silentServerMs: LONGEST_STATEMENT_MS });
const startedAtMs = performance.now();
let readyAtMs = startedAtMs;
await strategy.run(database, Number(rows), () => {
  readyAtMs = performance.now();
});
const seconds = (performance.now() - startedAtMs) / 1000;
const secondsBefore = (readyAtMs - startedAtMs) / 1000;
process.stdout.write(`${JSON.stringify({ seconds, secondsBefore })}\n`);
await database.$disconnect();
