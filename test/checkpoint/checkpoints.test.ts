import { describe, expect, it } from '@jest/globals';
import { loadCheckpoints, type PlannedPartition } from '../../src/checkpoint/checkpoints.ts';
import { claimNext, releaseClaims } from '../../src/checkpoint/claims.ts';
import { advanceCheckpoint, lockCheckpoint } from '../../src/checkpoint/fence.ts';
import { ConfigurationError, OvertakenError } from '../../src/errors/errors.ts';
import { useTestDatabase } from '../support/database.ts';
import { PATIENT } from '../support/patient.ts';
import { recordPartitions, storeFor } from '../support/rotations.ts';
import { TICKETS } from '../support/tickets.ts';

const PLAN: PlannedPartition = {
  rotation: 'test',
  partition: 0,
  lowerBound: null,
  upperBound: '9007199254740993', // one more than a JavaScript number can tell from its neighbours
  rowsTotal: 10n,
  totalIsEstimate: false,
};

const LAST_BATCH = { cursor: PLAN.upperBound, rows: 3, setAside: {} };

describe('checkpoints', () => {
  const { database } = useTestDatabase();
  const store = storeFor(database);
  const expireClaims = () => database.$executeRaw`
    UPDATE rotation_checkpoints SET claimed_until = clock_timestamp() - interval '1 second'`;

  it('are read back as they were planned', async () => {
    await recordPartitions(database, [PLAN]);
    expect(await loadCheckpoints(store)).toMatchObject([{ ...PLAN, cursor: null, rowsRotated: 0n }]);
  });

  it('are none for a rotation that was never started', async () => {
    expect(await loadCheckpoints(store)).toEqual([]);
  });

  it.each([
    ['rowsRotated', -1n],
    ['setAside', ['7']],
    ['setAside', { 7: 'locked by somebody' }],
  ])('edited by hand to a bad %s are refused, naming the row and the column', async (column, value) => {
    await recordPartitions(database, [PLAN]);
    await database.rotationCheckpoint.updateMany({ data: { [column]: value } });
    const loading = loadCheckpoints(store);
    await expect(loading).rejects.toThrow(ConfigurationError);
    await expect(loading).rejects.toThrow(`partition 0 of rotation 'test' in rotation_checkpoints: ${column}`);
  });

  describe('when claimed', () => {
    it('belong to one process only', async () => {
      await recordPartitions(database, [PLAN]);
      expect(await claimNext(store, 'first')).toMatchObject({ partition: 0, claimedBy: 'first' });
      expect(await claimNext(store, 'second')).toBeNull();
    });

    it('go to exactly one of many that come at the same moment', async () => {
      await recordPartitions(database, [PLAN]);
      const claims = keys(8).map((claimant) => claimNext(store, claimant));
      expect((await Promise.all(claims)).filter((claim) => claim !== null)).toHaveLength(1);
    });

    it('go to as many processes as there are partitions, a different one each', async () => {
      await recordPartitions(
        database,
        [0, 1, 2].map((partition) => ({ ...PLAN, partition })),
      );
      const claims = await Promise.all(keys(8).map((claimant) => claimNext(store, claimant)));
      expect(claims.flatMap((claim) => claim?.partition ?? []).sort()).toEqual([0, 1, 2]);
    });

    it('are free again as soon as they are released', async () => {
      await recordPartitions(database, [PLAN]);
      await claimNext(store, 'first');
      await releaseClaims(store, 'first');
      expect(await claimNext(store, 'second')).not.toBeNull();
    });

    it('are not released by anybody else', async () => {
      await recordPartitions(database, [PLAN]);
      await claimNext(store, 'first');
      await releaseClaims(store, 'second');
      expect(await claimNext(store, 'second')).toBeNull();
    });

    it('are free again when the claim has expired, as that of a killed process does', async () => {
      await recordPartitions(database, [PLAN]);
      await claimNext(store, 'first');
      await expireClaims();
      expect(await claimNext(store, 'second')).not.toBeNull();
    });

    it('are not taken from a batch in flight, even when the claim has expired', async () => {
      await recordPartitions(database, [PLAN]);
      const checkpoint = await claimed('first');
      await expireClaims();
      await database.$transaction(async (transaction) => {
        await lockCheckpoint(transaction, TICKETS, checkpoint);
        expect(await claimNext(store, 'second')).toBeNull();
      }, PATIENT);
      expect(await claimNext(store, 'second')).not.toBeNull();
    });

    it('are renewed by each batch', async () => {
      await recordPartitions(database, [PLAN]);
      const checkpoint = await claimed('first');
      await expireClaims();
      await advanceCheckpoint(database, store.tables, checkpoint, { cursor: '5', rows: 5, setAside: {} });
      expect(await claimNext(store, 'second')).toBeNull();
    });
  });

  describe('when complete', () => {
    it('say since when, by the server’s clock, and are held by nobody', async () => {
      await recordPartitions(database, [PLAN]);
      const { completedAt } = await advanceCheckpoint(database, store.tables, await claimed('first'), LAST_BATCH);
      expect(await loadCheckpoints(store)).toMatchObject([{ completedAt, claimedBy: null }]);
    });

    it('cannot be claimed any more', async () => {
      await recordPartitions(database, [PLAN]);
      await advanceCheckpoint(database, store.tables, await claimed('first'), LAST_BATCH);
      expect(await claimNext(store, 'second')).toBeNull();
    });

    it('stay incomplete when the process that wants to complete them was overtaken', async () => {
      await recordPartitions(database, [PLAN]);
      const checkpoint = await claimed('first');
      await expireClaims();
      await claimNext(store, 'second');
      await expect(advanceCheckpoint(database, store.tables, checkpoint, LAST_BATCH)).rejects.toThrow(OvertakenError);
      expect(await loadCheckpoints(store)).toMatchObject([{ completedAt: null }]);
    });
  });

  async function claimed(claimant: string) {
    const checkpoint = await claimNext(store, claimant);
    if (checkpoint === null) throw new Error('there is nothing to claim');
    return checkpoint;
  }
});

function keys(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `process ${index}`);
}
