import { describe, expect, it } from '@jest/globals';
import type { HashedAs } from '../../src/checkpoint/condemned-tokens.ts';
import { condemnTokens } from '../../src/plan/condemn.ts';
import { inSnapshot } from '../../src/plan/table-scan.ts';
import { useTestDatabase } from '../support/database.ts';
import { insertTickets, keysUpTo, TICKETS } from '../support/tickets.ts';

const TOKENS = 1_000;

describe('condemning', () => {
  const { database } = useTestDatabase();
  const condemn = async (rotation: string, buckets: number, mostBlocksAtOnce?: number) => {
    const hashedAs: HashedAs = { form: 'uuid', seed: 42n, buckets };
    await database.rotation.create({ data: { name: rotation, target: TICKETS.label, tokenColumn: 'its own' } });
    const progress: number[] = [];
    const count = await inSnapshot(database, false, (transaction) =>
      condemnTokens(
        transaction,
        TICKETS,
        { tables: TICKETS.records, rotation },
        hashedAs,
        new AbortController().signal,
        ({ blocksDone, blocksTotal }) => progress.push(blocksDone / blocksTotal),
        mostBlocksAtOnce,
      ),
    );
    const stored = await database.$queryRaw<{ bucket: number; hash: bigint }[]>`
      SELECT bucket, unnest(hashes) AS hash FROM condemned_tokens WHERE rotation = ${rotation} ORDER BY hash`;
    return { count, progress, stored };
  };

  it('stores the same hashes in the same buckets, whether it reads the table at once or by stretches', async () => {
    await insertTickets(database, keysUpTo(TOKENS));
    const atOnce = await condemn('at once', 16);
    expect(atOnce).toMatchObject({ count: TOKENS, progress: [1] });
    expect(atOnce.stored).toHaveLength(TOKENS);
    expect(await condemn('by stretches', 16, 0)).toEqual(atOnce);
  });

  it.each([16, 2 ** 16])('puts each of them into the bucket of its lowest bits, of %i', async (buckets) => {
    await insertTickets(database, keysUpTo(TOKENS));
    const { stored } = await condemn('default', buckets, 0);
    expect(stored.map(({ bucket }) => bucket)).toEqual(
      stored.map(({ hash }) => Number(BigInt.asUintN(64, hash) % BigInt(buckets))),
    );
    expect(stored).toHaveLength(TOKENS);
  });
});
