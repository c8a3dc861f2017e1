import type { Store } from '../checkpoint/store.ts';
import { ConfigurationError } from '../errors.ts';
import { setLimits } from '../session.ts';
import { type Target, tokenColumnOf } from '../target.ts';
import { listed } from '../wording.ts';

/**
 * Records that a rotation exists, unless it does already. Only one rotation of a column may be open: a second one would
 * replace tokens that the first has just handed out.
 *
 * @throws ConfigurationError naming the other one; nothing was changed
 */
export async function announceRotation(store: Store, target: Target): Promise<void> {
  const { database, tables, rotation } = store;
  const column = tokenColumnOf(target);
  const others = await database.$transaction(async (transaction) => {
    await setLimits(transaction);
    // Of two that begin at the same moment, the second waits here and then finds the first.
    await transaction.$executeRaw`SELECT pg_advisory_xact_lock(hashtextextended(${`rotate-tokens ${column}`}, 0))`;
    const open = await transaction.$queryRaw<{ name: string }[]>`
      SELECT name FROM ${tables.rotations} AS other
      WHERE token_column = ${column} AND name <> ${rotation} AND (
        planned_at IS NULL
        OR EXISTS (SELECT FROM ${tables.checkpoints} WHERE rotation = other.name AND completed_at IS NULL)
      )
      ORDER BY name`;
    if (open.length === 0) {
      await transaction.$executeRaw`
        INSERT INTO ${tables.rotations} (name, target, token_column)
        VALUES (${rotation}, ${target.label}, ${column}) ON CONFLICT (name) DO NOTHING`;
    }
    return open.map(({ name }) => name);
  });
  const [other] = others;
  if (other !== undefined) {
    throw new ConfigurationError(
      `rotation ${listed(others.map((name) => `'${name}'`))} of ${target.token.fullName} is not complete, so rotation '${rotation}' of the same column ` +
        `was not started: it would replace fresh tokens. Run the same command with --name ${other} to complete it first.`,
    );
  }
}
