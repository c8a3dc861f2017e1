import type { TicketDatabase } from '../support/ticket-database.ts';
import { type Memory, UNKNOWN } from './application.ts';

/** Has PostgreSQL itself write down every change of a token that commits: the rotation's, and the application's. */
export async function startRecording(database: TicketDatabase): Promise<void> {
  await database.$executeRaw`
    CREATE TABLE rotated (place bigserial, id bigint NOT NULL, old uuid NOT NULL, token uuid NOT NULL)`;
  await database.$executeRaw`CREATE TABLE outbox (id bigint NOT NULL, token uuid NOT NULL)`;
  await database.$executeRaw`CREATE TABLE given (token uuid NOT NULL)`;
  await database.$executeRaw`CREATE TABLE replaced (id bigint NOT NULL)`;
  await database.$executeRaw`CREATE TABLE tickets_before (id bigint PRIMARY KEY, token uuid NOT NULL UNIQUE)`;
  await database.$executeRaw`
    CREATE FUNCTION record_token_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF current_setting('application_name') = 'rotate-tokens'
      THEN INSERT INTO rotated (id, old, token) VALUES (NEW.id, OLD.token, NEW.token);
      ELSE INSERT INTO given VALUES (NEW.token);
      END IF;
      RETURN NULL;
    END $$`;
  await database.$executeRaw`
    CREATE TRIGGER record_token_change AFTER UPDATE OF token ON tickets FOR EACH ROW
    WHEN (OLD.token IS DISTINCT FROM NEW.token) EXECUTE FUNCTION record_token_change()`;
  await database.$executeRaw`
    CREATE FUNCTION record_insert() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      INSERT INTO replaced VALUES (NEW.id);
      RETURN NULL;
    END $$`;
  await database.$executeRaw`
    CREATE TRIGGER record_insert AFTER INSERT ON tickets FOR EACH ROW EXECUTE FUNCTION record_insert()`;
}

/** Forgets the last round, and remembers the tickets as they are at the start of this one. @returns how many */
export async function startRound(database: TicketDatabase): Promise<number> {
  await database.$executeRaw`TRUNCATE rotated, outbox, replaced, tickets_before`;
  return database.$executeRaw`INSERT INTO tickets_before SELECT id, token FROM tickets`;
}

interface Counts {
  notRotated: number;
  rotatedTwice: number;
  survivors: number;
  recorded: number;
  changed: number;
  untold: number;
  toldInVain: number;
  open: number;
}

/**
 * A row that the application has put back while its batch was written is looked at by its token alone. A row may be
 * rotated again only while it holds a token from before.
 *
 * @returns what is wrong after a rotation that calls itself complete; nothing, one hopes
 */
export async function findDamage(
  database: TicketDatabase,
  rotation: string,
  memories: ReadonlyMap<bigint, Memory>,
): Promise<string[]> {
  const [counts] = await database.$queryRaw<Counts[]>`
    SELECT
      (SELECT count(*)::int FROM tickets JOIN tickets_before USING (id)
       WHERE id NOT IN (SELECT id FROM rotated) AND id NOT IN (SELECT id FROM replaced)
         AND tickets.token NOT IN (SELECT token FROM given)) AS "notRotated",
      (SELECT count(*)::int FROM rotated AS again
       WHERE EXISTS (SELECT FROM rotated WHERE id = again.id AND place < again.place)
         AND NOT EXISTS (SELECT FROM tickets_before WHERE token = again.old)) AS "rotatedTwice",
      (SELECT count(*)::int FROM tickets JOIN tickets_before USING (token)) AS survivors,
      (SELECT coalesce(sum(rows_rotated), 0)::int FROM rotation_checkpoints WHERE rotation = ${rotation})
        + (SELECT survivors_rotated::int FROM rotations WHERE name = ${rotation}) AS recorded,
      (SELECT count(*)::int FROM rotated) AS changed,
      (SELECT count(*)::int FROM (SELECT id, token FROM rotated EXCEPT ALL TABLE outbox) AS missing) AS untold,
      (SELECT count(*)::int FROM (TABLE outbox EXCEPT ALL SELECT id, token FROM rotated) AS surplus) AS "toldInVain",
      (SELECT count(*)::int FROM rotation_checkpoints WHERE rotation = ${rotation} AND completed_at IS NULL) AS open`;
  if (counts === undefined) return ['nothing could be counted'];
  const { notRotated, rotatedTwice, survivors, recorded, changed, untold, toldInVain, open } = counts;
  return [
    ...(notRotated > 0 ? [`${notRotated} tickets were not rotated`] : []),
    ...(rotatedTwice > 0 ? [`${rotatedTwice} tickets were rotated again, with a token of this rotation in place`] : []),
    ...(survivors > 0 ? [`${survivors} of the old tokens are still valid`] : []),
    ...(recorded !== changed ? [`the checkpoints say ${recorded} rows, the trigger saw ${changed}`] : []),
    ...(untold > 0 ? [`afterBatch has not told of ${untold} rotated tickets`] : []),
    ...(toldInVain > 0 ? [`afterBatch has told ${toldInVain} times of what was not rotated`] : []),
    ...(open > 0 ? [`${open} partitions are not complete`] : []),
    ...(await findLostWrites(database, memories)),
  ];
}

/** Looks for what the application was told to be written and is not there. */
async function findLostWrites(database: TicketDatabase, memories: ReadonlyMap<bigint, Memory>): Promise<string[]> {
  const tickets = await database.ticket.findMany({ select: { id: true, subject: true } });
  const subjects = new Map(tickets.map(({ id, subject }) => [id, subject]));
  const changes = await database.$queryRaw<{ token: string }[]>`SELECT token::text AS token FROM given`;
  const given = new Set(changes.map(({ token }) => token));
  const damage: string[] = [];
  for (const [id, memory] of memories) {
    const subject = subjects.get(id);
    if (subject === undefined && memory.deleted === false) damage.push(`ticket ${id} is gone`);
    if (subject !== undefined && memory.deleted === true) damage.push(`ticket ${id} is back`);
    const isExpected = subject === undefined || memory.subjects.has(subject) || memory.subjects.has(UNKNOWN);
    if (!isExpected)
      damage.push(
        `the subject of ticket ${id} is not what the application wrote: ${subject} instead of ${[...memory.subjects]}`,
      );
    if (!memory.tokens.every((token) => given.has(token))) damage.push(`a token given to ticket ${id} was lost`);
  }
  return damage;
}
