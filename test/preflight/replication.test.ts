import { describe, expect, it } from '@jest/globals';
import { judgeReplication, type ReplicationSlot, type Standby } from '../../src/preflight/replication.ts';

const STANDBY: Standby = { name: 'berlin', lagBytes: 120_000, lagSeconds: 0.2 };
const SLOT: ReplicationSlot = { name: 'berlin', isActive: true, decodes: false, keptBytes: 16e6 };

describe('replication', () => {
  it('is in order where nothing is replicated', () => {
    expect(judgeReplication([], [])).toEqual({
      level: 'ok',
      message: 'no standby is connected, and no replication slot keeps WAL.',
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
      message: `far behind already, and the rotation adds to it: ${lag}.`,
      advice: 'Wait until the standby has caught up; what is read from it is old.',
    });
  });

  it('is told where this user may not see how far standbys are behind', () => {
    expect(judgeReplication([{ name: 'process 7', lagBytes: null, lagSeconds: null }], [])).toEqual({
      level: 'warning',
      message: 'how far standbys are behind is hidden from this user: process 7.',
      advice: 'GRANT pg_monitor to the user of DATABASE_URL to see it.',
    });
  });

  it('is told where nobody takes the WAL of a slot', () => {
    expect(judgeReplication([], [{ ...SLOT, isActive: false, keptBytes: 3.2e9 }])).toEqual({
      level: 'warning',
      message:
        "nobody takes the WAL that these replication slots keep, and the rotation's comes on top: berlin (3.2 GB).",
      advice: 'Have it taken, or drop the slot (pg_drop_replication_slot), before the disk is full.',
    });
    expect(judgeReplication([], [{ ...SLOT, isActive: false, keptBytes: null }]).level).toBe('ok');
  });

  it('is told where each change of this database is decoded', () => {
    expect(judgeReplication([], [{ ...SLOT, name: 'warehouse', decodes: true }])).toEqual({
      level: 'warning',
      message: 'each change will be decoded for logical replication: warehouse.',
      advice: 'See that whoever subscribes can take a change of every row, and may have the fresh tokens.',
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
      /^nobody takes .+: paris \(16 MB\); each change .+: warehouse; far behind .+: berlin .+\.$/,
    );
    expect(advice).toMatch(/^Have it taken.+ See that.+ Wait until.+\.$/);
  });
});
