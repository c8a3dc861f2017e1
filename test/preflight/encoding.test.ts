import { describe, expect, it } from '@jest/globals';
import { inspectEncoding, judgeEncoding } from '../../src/preflight/encoding.ts';
import { useTestDatabase } from '../support/database.ts';
import { TICKETS } from '../support/tickets.ts';

describe('the preflight of the encoding', () => {
  const { database } = useTestDatabase();

  it('is that of the database', async () => {
    expect(await inspectEncoding(database, TICKETS)).toEqual({ level: 'ok', message: 'texts are stored as UTF8.' });
  });

  it('warns where PostgreSQL does not know what the bytes of a text mean', () => {
    expect(judgeEncoding('SQL_ASCII', ['keys.id', 'keys.token'])).toEqual({
      level: 'warning',
      message: expect.stringContaining('a value in keys.id or keys.token that is no ASCII'),
      advice: expect.stringContaining("WHERE keys.id::bytea::text LIKE '%\\\\%'"),
    });
    expect(judgeEncoding('SQL_ASCII', []).level).toBe('ok');
    expect(judgeEncoding('LATIN1', ['keys.id']).level).toBe('ok');
  });
});
