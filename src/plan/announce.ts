import type { Store } from '../checkpoint/store.ts';
import type { Settings } from '../config/settings.ts';
import { type Target, tokenColumnOf } from '../config/target.ts';
import type { Queryable } from '../database/database.ts';
import { setLimits } from '../database/session.ts';
import { ConfigurationError } from '../errors/errors.ts';
import { formatTime } from '../text/format.ts';
import { listed } from '../text/wording.ts';

/**
 * Records that a rotation exists, unless it does already.
 *
 * @param listSha256 of the list whose tokens alone it replaces, or null
 * @throws ConfigurationError as `refuseSecond` does; nothing was changed
 */
export async function announceRotation(
  store: Store,
  target: Target,
  settings: Pick<Settings, 'again'>,
  listSha256: string | null,
): Promise<void> {
  const { database, tables, rotation } = store;
  const column = tokenColumnOf(target);
  await database.$transaction(async (transaction) => {
    await setLimits(transaction);
    // Of two that begin at the same moment, the second waits here and then finds the first.
    await transaction.$executeRaw`SELECT pg_advisory_xact_lock(hashtextextended(${`rotate-tokens ${column}`}, 0))`;
    await refuseSecond(transaction, store, target, settings, listSha256);
    await transaction.$executeRaw`
      INSERT INTO ${tables.rotations} (name, target, token_column, list_sha256)
      VALUES (${rotation}, ${target.label}, ${column}, ${listSha256}) ON CONFLICT (name) DO NOTHING`;
  });
}

interface OtherRotation {
  name: string;
  /** Null: it is open. */
  completedAtMs: number | null;
}

/**
 * Only one rotation of a column may be open, and none begins after another has completed unless that is asked for: it
 * would replace tokens that the other has just handed out. Where either replaces the tokens of a list alone, it does not.
 *
 * @param listSha256 of the list whose tokens alone this one replaces, or null
 * @throws ConfigurationError naming the others, when there are any and this one is not recorded yet
 */
export async function refuseSecond(
  database: Queryable,
  { tables, rotation }: Store,
  target: Target,
  { again }: Pick<Settings, 'again'>,
  listSha256: string | null,
): Promise<void> {
  const others = await database.$queryRaw<OtherRotation[]>`
    SELECT name, CASE WHEN planned_at IS NOT NULL AND bool_and(completed_at IS NOT NULL)
      THEN (extract(epoch FROM max(completed_at)) * 1000)::float8 END AS "completedAtMs"
    FROM ${tables.rotations} AS other LEFT JOIN ${tables.checkpoints} AS checkpoint ON checkpoint.rotation = other.name
    WHERE token_column = ${tokenColumnOf(target)} AND name <> ${rotation}
      AND NOT EXISTS (SELECT FROM ${tables.rotations} WHERE name = ${rotation} AND planned_at IS NOT NULL)
      AND (list_sha256 IS NULL OR planned_at IS NULL OR completed_at IS NULL)
    GROUP BY name ORDER BY max(completed_at) DESC, name`;
  const open = others.filter(({ completedAtMs }) => completedAtMs === null).map(({ name }) => name);
  const column = target.token.fullName;
  const [firstOpen] = open;
  if (firstOpen !== undefined) {
    throw new ConfigurationError(
      `rotation ${listed(open.map((name) => `'${name}'`))} of ${column} is not complete, so rotation '${rotation}' of the same column ` +
        `was not started: it would replace fresh tokens. Run the same command with --name ${firstOpen} to complete it first.`,
    );
  }
  const [last] = others;
  if (last?.completedAtMs == null || again || listSha256 !== null) return;
  throw new ConfigurationError(
    `rotation '${last.name}' of ${column} was completed at ${formatTime(last.completedAtMs)}, so rotation '${rotation}' ` +
      `was not started: it would replace every token again. To continue or verify that one, use --name ${last.name}; ` +
      'to replace its tokens, too, add --again.',
  );
}
