import { describe, expect, it } from '@jest/globals';
import { judgeReplication, type ReplicationSlot, type Standby } from '../../src/preflight/replication.ts';

const STANDBY: Standby = { name: 'berlin', lagBytes: 120_000, lagSeconds: 0.2 };
const SLOT: ReplicationSlot = { name: 'berlin', isActive: true, decodes: false, keptBytes: 16e6 };

describe('replication', () => {
  it('is in order where nothing is replicated', () => {
    expect(judgeReplication([], [])).toEqual({
      level: 'ok',
      message: 'no standby is connected, and no replication slot retains WAL.',
    });
  });

  it('is in order where the standbys follow', () => {
    const idle = { name: 'paris', lagBytes: 0, lagSeconds: null };
    expect(judgeReplication([STANDBY, idle], [SLOT])).toEqual({
      level: 'ok',
      message: '2 standbys follow closely: berlin (120 kB, 0.2 s), paris (0 bytes).',
    });
  });

  it.each([
    [{ ...STANDBY, lagBytes: 2.5e9 }, 'berlin (2.5 GB, 0.2 s)'],
    [{ ...STANDBY, lagSeconds: 90 }, 'berlin (120 kB, 90 s)'],
  ])('is told where a standby is far behind: %j', (standby, lag) => {
    expect(judgeReplication([standby, STANDBY], [SLOT])).toEqual({
      level: 'warning',
      message: `standbys are far behind, and the rotation adds to that: ${lag}.`,
      advice: 'Wait until the standby has caught up; until then, it serves old data.',
    });
  });

  it('is told where this user may not see how far standbys are behind', () => {
    expect(judgeReplication([{ name: 'process 7', lagBytes: null, lagSeconds: null }], [])).toEqual({
      level: 'warning',
      message: 'the lag of standbys is hidden from this user: process 7.',
      advice: 'GRANT pg_monitor to the user of DATABASE_URL to see it.',
    });
  });

  it('is told where nobody takes the WAL of a slot', () => {
    expect(judgeReplication([], [{ ...SLOT, isActive: false, keptBytes: 3.2e9 }])).toEqual({
      level: 'warning',
      message: 'replication slots without a consumer retain WAL, and the rotation adds to it: berlin (3.2 GB).',
      advice: 'Attach a consumer or drop the slot (pg_drop_replication_slot) before the disk is full.',
    });
    expect(judgeReplication([], [{ ...SLOT, isActive: false, keptBytes: null }]).level).toBe('ok');
  });

  it('is told where each change of this database is decoded', () => {
    expect(judgeReplication([], [{ ...SLOT, name: 'warehouse', decodes: true }])).toEqual({
      level: 'warning',
      message: 'each change will be decoded for logical replication: warehouse.',
      advice: 'Check that subscribers can handle a change of every row, and that they may receive the fresh tokens.',
    });
  });

  it('is told at once where it is more than one thing', () => {
    const { message, advice } = judgeReplication(
      [{ ...STANDBY, lagSeconds: 90 }],
      [
        { ...SLOT, name: 'paris', isActive: false },
        { ...SLOT, name: 'warehouse', decodes: true },
      ],
    );
    expect(message).toMatch(
      /^replication slots without .+: paris \(16 MB\); each change .+: warehouse; standbys .+: berlin .+\.$/,
    );
    expect(advice).toMatch(/^Attach a consumer.+ Check that.+ Wait until.+\.$/);
  });
});
