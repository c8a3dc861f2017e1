import config from '../../rotate-tokens.config.ts';
import { openTicketDatabase, type TicketDatabase } from '../../scripts/support/ticket-database.ts';
import type { TargetDefinition } from '../../src/config/target.ts';
import type { FreshTokens } from '../../src/config/tokens.ts';
import { arrayLiteral } from '../../src/database/array-literal.ts';
import { type Prisma, PrismaClient } from '../../src/generated/prisma/client.ts';
import { type Target, targetNamed, uuid } from '../../src/index.ts';

/** The target that this package ships. */
export const TICKETS: Target = await targetNamed(config, 'ticket', openTicketDatabase('postgresql://nowhere'));

/** The same with a scope, or something else of its own. */
export function ticketTarget(more: Partial<TicketTarget>): Promise<Target> {
  const ticket: TicketTarget = { model: 'Ticket', key: 'id', token: 'token', kind: uuid(), ...more };
  const client = openTicketDatabase('postgresql://nowhere');
  return targetNamed({ PrismaClient, targets: { ticket } }, 'ticket', client);
}

type TicketTarget = TargetDefinition & { scope?: Prisma.TicketWhereInput };

/** So many fresh tokens for them. */
export function uuids(count: number): FreshTokens {
  return tokensOf(uuid().make(count));
}

/** These, as a batch takes them. */
export function tokensOf(tokens: readonly string[]): FreshTokens {
  return { fresh: tokens, stored: tokens };
}

/** Inserts tickets with the given keys, in one statement whatever their number. */
export async function insertTickets(database: TicketDatabase, keys: Iterable<number | bigint>): Promise<void> {
  await database.$executeRaw`
    INSERT INTO tickets (id, token, subject, holder_email)
    SELECT id, gen_random_uuid(), 'Seat ' || id, 'holder-' || id || '@example.com'
    FROM unnest(${arrayLiteral([...keys].map(BigInt))}::bigint[]) AS given (id)`;
}

/** 1, 2, … count */
export function keysUpTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}

/** Every ticket's token by its key, in key order. */
export async function tokensByKey(database: TicketDatabase): Promise<Map<bigint, string>> {
  const tickets = await database.ticket.findMany({ select: { id: true, token: true }, orderBy: { id: 'asc' } });
  return new Map(tickets.map(({ id, token }) => [id, token]));
}

/** Everything of every ticket but its token, to show that nothing else was changed. */
export function everythingButTokens(database: TicketDatabase) {
  return database.ticket.findMany({ omit: { token: true }, orderBy: { id: 'asc' } });
}

/** Has PostgreSQL itself write down, in a table `token_changes`, each change of a token that commits. */
export async function recordTokenChanges(database: TicketDatabase): Promise<void> {
  await database.$executeRaw`DROP TABLE IF EXISTS token_changes`;
  await database.$executeRaw`CREATE TABLE token_changes (id bigint NOT NULL)`;
  await database.$executeRaw`
    CREATE OR REPLACE FUNCTION record_token_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN INSERT INTO token_changes VALUES (NEW.id); RETURN NULL; END $$`;
  await database.$executeRaw`
    CREATE OR REPLACE TRIGGER record_token_change AFTER UPDATE OF token ON tickets
    FOR EACH ROW WHEN (OLD.token IS DISTINCT FROM NEW.token) EXECUTE FUNCTION record_token_change()`;
}

/** How many tickets had their token changed how many times: `{ 1: 5000 }` after a rotation of 5,000 tickets. */
export async function changesPerTicket(database: TicketDatabase): Promise<Record<number, number>> {
  const rows = await database.$queryRaw<{ changes: number; tickets: number }[]>`
    SELECT changes::int, count(*)::int AS tickets FROM (
      SELECT count(token_changes.id) AS changes FROM tickets LEFT JOIN token_changes USING (id) GROUP BY tickets.id
    ) AS counted GROUP BY changes`;
  return Object.fromEntries(rows.map(({ changes, tickets }) => [changes, tickets]));
}

/** How many of the tokens of now are among those of before. */
export function survivors(before: Map<bigint, string>, now: Map<bigint, string>): number {
  const leaked = new Set(before.values());
  return [...now.values()].filter((token) => leaked.has(token)).length;
}
