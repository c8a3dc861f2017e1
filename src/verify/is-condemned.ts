import { dataModelOf } from '../config/data-model.ts';
import { sha256Of } from '../config/hashed-kinds.ts';
import { recordTablesOf } from '../config/record-tables.ts';
import { DEFAULT_SCHEMA } from '../config/target.ts';
import type { HashEncoding } from '../config/token-kinds.ts';
import type { Queryable } from '../database/database.ts';
import { join, type Sql, sql } from '../database/sql.ts';

/** The rotation that condemned a token. */
export interface Condemnation {
  /** The rotation's name. */
  name: string;
  /** Table, key and token column, kind and scope. */
  target: string;
  /** Start of the rotation, when the token was valid. */
  startedAt: Date;
}

/** A UUID as PostgreSQL reads it, with or without hyphens. */
const UUID = /^[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}$/i;

/**
 * Finds out whether a token was condemned by a rotation that ran with `--keep-condemned`: by an index, in one query.
 *
 * @param prisma the application's own client, which has the models of this package
 * @param token as its holder presents it; for columns of SHA-256 hashes, too. For those of a hash function of your own: the
 *   hash, as it is stored
 * @param schema the one that `?schema=` in the client's URL names. @default public
 * @returns the rotation that began last, or null when none has condemned it. The hash has 64 bits: of a million
 *   condemned tokens, another one is taken for one of them with a probability of 1 in 10 trillion
 */
export async function isCondemned(
  prisma: Queryable & object,
  token: string,
  schema = DEFAULT_SCHEMA,
): Promise<Condemnation | null> {
  const tables = recordTablesOf(dataModelOf(prisma), schema);
  const uuid = UUID.test(token) ? token : null;
  const sha256 = (encoding: HashEncoding) => sha256Of(token).toString(encoding);
  const texts = [token, sha256('hex'), sha256('base64'), sha256('base64url')];
  const hashOf = (text: Sql, form: string) =>
    sql`(CASE WHEN hash_form = ${form} THEN hashtextextended(${text} COLLATE "C", hash_seed) END)`;
  const [found] = await prisma.$queryRaw<{ name: string; target: string; startedAtMs: number }[]>(sql`
    SELECT rotation.name, rotation.target, (extract(epoch FROM rotation.started_at) * 1000)::float8 AS "startedAtMs"
    FROM ${tables.rotations} AS rotation
    CROSS JOIN LATERAL (VALUES
      (CASE WHEN hash_form = 'uuid' THEN uuid_hash_extended(${uuid}::uuid, hash_seed) END),
      ${join(texts.map((text) => hashOf(sql`${text}::text`, 'text')))},
      ${join(texts.map((text) => hashOf(sql`lower(${text}::text)`, 'citext')))},
      ${hashOf(sql`${sha256('hex')}::text`, 'hex')}
    ) AS form (hash)
    JOIN ${tables.condemnedTokens} AS condemned
      ON condemned.rotation = rotation.name AND condemned.bucket = (form.hash & (hash_buckets - 1))::int
      AND form.hash = ANY (condemned.hashes)
    ORDER BY rotation.started_at DESC LIMIT 1`);
  return found ? { name: found.name, target: found.target, startedAt: new Date(found.startedAtMs) } : null;
}
