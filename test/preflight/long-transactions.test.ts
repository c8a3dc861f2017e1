import { describe, expect, it } from '@jest/globals';
import {
  judgeLongTransactions,
  type LongTransaction,
  readLongTransactions,
} from '../../src/preflight/long-transactions.ts';
import { useTestDatabase } from '../support/database.ts';
import { PATIENT } from '../support/patient.ts';

const SESSION: LongTransaction = { pid: 4711, prepared: null, ageSeconds: 720 };
const PREPARED: LongTransaction = { pid: null, prepared: "'order 7'", ageSeconds: 90_000 };

describe('long transactions', () => {
  it('are told with their age, and how to end the oldest', () => {
    expect(judgeLongTransactions({ seen: [PREPARED, SESSION], hidden: 0 })).toEqual({
      level: 'warning',
      message:
        "vacuum cannot clean up behind transactions that are older than 5 min: prepared 'order 7' (25 h), process 4711 (12 min).",
      advice: expect.stringMatching(/the table may double in size\. .+ with ROLLBACK PREPARED 'order 7'\.$/),
    });
    expect(judgeLongTransactions({ seen: [SESSION], hidden: 3 }).advice).toMatch(
      /with SELECT pg_terminate_backend\(4711\)\.$/,
    );
  });

  it('are not there', () => {
    expect(judgeLongTransactions({ seen: [], hidden: 0 })).toEqual({
      level: 'ok',
      message: 'no transaction is older than 5 min.',
    });
  });

  it('may be there where this user cannot see it', () => {
    expect(judgeLongTransactions({ seen: [], hidden: 1 })).toEqual({
      level: 'ok',
      message: 'no transaction of this user is older than 5 min; those of others are hidden without pg_monitor.',
    });
  });

  const { database } = useTestDatabase();

  it('are found by what they keep from vacuum, once they are old enough', async () => {
    const begin = async (statement: string, whileOpen: (pid: number) => Promise<void>) =>
      database.$transaction(async (transaction) => {
        await transaction.$executeRawUnsafe(statement);
        const [session] = await transaction.$queryRaw<{ pid: number }[]>`SELECT pg_backend_pid() AS pid`;
        await whileOpen(session?.pid ?? 0);
      }, PATIENT);
    const found = async (seconds: number) => (await readLongTransactions(database, seconds)).seen.map(({ pid }) => pid);

    await begin(`UPDATE tickets SET subject = 'sold'`, async () => {
      expect(await found(0)).toEqual([]); // no row was changed, so it keeps nothing
    });
    await begin('SELECT pg_current_xact_id()', async (pid) => {
      expect(await found(0)).toEqual([pid]);
      expect(await found(60)).toEqual([]);
    });
    await begin('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ', async (pid) =>
      expect(await found(0)).toEqual([pid]),
    );
    expect(await found(0)).toEqual([]);
  });
});
