import { beforeEach, describe, expect, it } from '@jest/globals';
import { type Checkpoint, loadCheckpoints } from '../../src/checkpoint/checkpoints.ts';
import { claimNext } from '../../src/checkpoint/claims.ts';
import { retryFromCheckpoint } from '../../src/checkpoint/retry-from-checkpoint.ts';
import type { RotationEvent } from '../../src/context.ts';
import { OvertakenError } from '../../src/errors/errors.ts';
import { rotateBatch } from '../../src/rotate/batch.ts';
import { useTestDatabase } from '../support/database.ts';
import { planTickets, storeFor, ticketContext } from '../support/rotations.ts';
import { changesPerTicket, insertTickets, keysUpTo, recordTokenChanges, TICKETS, uuids } from '../support/tickets.ts';

describe('what moves a checkpoint', () => {
  const { database } = useTestDatabase();
  /** What `$transaction` throws when the answer to its COMMIT does not arrive. */
  const answerLost = Object.assign(new Error('x'), { cause: { kind: 'ConnectionClosed' } });
  let checkpoint: Checkpoint;

  beforeEach(async () => {
    await insertTickets(database, keysUpTo(10));
    await recordTokenChanges(database);
    await planTickets(database);
    const claimed = await claimNext(storeFor(database), 'this process');
    if (claimed === null) throw new Error('there is nothing to claim');
    checkpoint = claimed;
  });

  it('is given the checkpoint that this process has, at first', async () => {
    expect(await retryFromCheckpoint(contextWithDatabase(), checkpoint, async (current) => current)).toBe(checkpoint);
  });

  it('is given the checkpoint as it stands, and rotates no row twice, after an answer was lost', async () => {
    const context = contextWithDatabase();
    const seen: Checkpoint[] = [];
    const advanced = await retryFromCheckpoint(context, checkpoint, async (current) => {
      seen.push(current);
      const { checkpoint: advanced } = await rotateBatch(database, TICKETS, current, 6, uuids(6), context.settings);
      if (seen.length === 1) throw answerLost;
      return advanced;
    });
    expect(seen).toMatchObject([
      { cursor: null, rowsRotated: 0n },
      { cursor: '6', rowsRotated: 6n },
    ]);
    expect(advanced).toMatchObject({ cursor: '10', rowsRotated: 10n, completedAt: expect.any(Date) });
    expect(await changesPerTicket(database)).toEqual({ 1: 10 });
    expect(context.events).toMatchObject([{ type: 'retry', partition: 0, attempt: 1 }]);
  });

  it('is given the same again when nothing had committed', async () => {
    const seen: Checkpoint[] = [];
    await retryFromCheckpoint(contextWithDatabase(), checkpoint, async (current) => {
      seen.push(current);
      if (seen.length === 1) throw answerLost;
    });
    const told = { lastFault: 'the connection to the database was lost.', lastFaultAt: expect.any(Date) };
    const renewed = { claimedUntil: expect.any(Date), updatedAt: expect.any(Date) };
    expect(seen).toEqual([checkpoint, { ...checkpoint, ...renewed, ...told }]);
  });

  it('is told that the partition is complete when it was the last answer that was lost', async () => {
    const context = contextWithDatabase();
    const current = await retryFromCheckpoint(context, checkpoint, async (current) => {
      if (current.completedAt !== null) return current;
      await rotateBatch(database, TICKETS, current, 100, uuids(100), context.settings);
      throw answerLost;
    });
    expect(current).toMatchObject({ cursor: '10', rowsRotated: 10n, completedAt: expect.any(Date) });
    expect(await changesPerTicket(database)).toEqual({ 1: 10 });
  });

  it('keeps the partition when its claim has expired meanwhile, but nobody has taken it', async () => {
    await retryFromCheckpoint(contextWithDatabase(), checkpoint, async (current) => {
      if (current !== checkpoint) return;
      await expireClaims();
      throw answerLost;
    });
    expect(await claimNext(storeFor(database), 'another process')).toBeNull();
  });

  it.each<[string, () => Promise<unknown>]>([
    [
      'another process has claimed the partition',
      () => expireClaims().then(() => claimNext(storeFor(database), 'other')),
    ],
    ['the checkpoint is gone', () => database.rotationCheckpoint.deleteMany()],
  ])('is not done again when, meanwhile, %s', async (_, meanwhile) => {
    let attempts = 0;
    const overtaken = retryFromCheckpoint(contextWithDatabase(), checkpoint, async () => {
      attempts += 1;
      await meanwhile();
      throw answerLost;
    });
    await expect(overtaken).rejects.toThrow(OvertakenError);
    expect(attempts).toBe(1);
    expect(await changesPerTicket(database)).toEqual({ 0: 10 });
  });

  it('leaves the other process its claim', async () => {
    const overtaken = retryFromCheckpoint(contextWithDatabase(), checkpoint, async () => {
      await expireClaims();
      await claimNext(storeFor(database), 'other');
      throw answerLost;
    });
    await expect(overtaken).rejects.toThrow(OvertakenError);
    expect(await loadCheckpoints(storeFor(database))).toMatchObject([{ claimedBy: 'other' }]);
  });

  function contextWithDatabase() {
    const events: RotationEvent[] = [];
    return { ...ticketContext(database, { onEvent: (event) => events.push(event) }), events };
  }

  function expireClaims() {
    return database.$executeRaw`
      UPDATE rotation_checkpoints SET claimed_until = clock_timestamp() - interval '1 second'`;
  }
});
