import { describe, expect, it } from '@jest/globals';
import { judgeVersion, judgeWritability } from '../../src/preflight/server.ts';
import { useTestDatabase } from '../support/database.ts';
import { itFinds } from '../support/findings.ts';

describe('the preflight of the server', () => {
  const { database } = useTestDatabase();

  itFinds(database, 'writable', [
    {
      when: 'transactions are read-only',
      level: 'stop',
      statements: ['SET TRANSACTION READ ONLY'],
      message: 'transactions are read-only for this user (default_transaction_read_only is on).',
      advice:
        'Turn it off with ALTER ROLE … SET default_transaction_read_only = off, or use another user. If the service turned it on because its disk is full, free some space first.',
    },
  ]);

  it('says when it is a replica', () => {
    expect(judgeWritability({ isReplica: true, isReadOnly: true })).toEqual({
      level: 'stop',
      message: 'the server is a replica and takes no writes.',
      advice: 'Set DATABASE_URL to the primary.',
    });
  });

  it.each([140_000, 179_999, 180_099])('accepts a version that this is tested with: %d', (number) => {
    expect(judgeVersion(number).level).toBe('ok');
  });

  it('warns of a version that this is not tested with', () => {
    expect(judgeVersion(190_000)).toEqual({
      level: 'warning',
      message: 'the server is PostgreSQL 19; 14 to 18 are tested.',
      advice: 'Rotate a copy of the database on such a server first.',
    });
  });

  it.each([139_999, 90_624])('refuses a version that is too old: %d', (number) => {
    expect(judgeVersion(number)).toEqual({
      level: 'stop',
      message: expect.stringMatching(/^the server is PostgreSQL (13|9); the oldest supported version is 14\.$/),
      advice: 'Upgrade it to 18.',
    });
  });
});
