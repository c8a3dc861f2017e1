import { describe, expect, it } from '@jest/globals';
import { type Index, judgeIndexes } from '../../src/preflight/indexes.ts';
import { useTestDatabase } from '../support/database.ts';
import { itFinds } from '../support/findings.ts';
import { TICKETS } from '../support/tickets.ts';

describe('the preflight of the indexes', () => {
  const { database } = useTestDatabase();

  itFinds(database, 'unique-index', [
    {
      when: 'the index on the token also includes another column',
      level: 'ok',
      statements: ['DROP INDEX tickets_token_key', 'CREATE UNIQUE INDEX by_token ON tickets (token) INCLUDE (subject)'],
      message: 'index by_token keeps tokens unique.',
    },
    {
      when: 'no index is on the token',
      level: 'warning',
      statements: ['DROP INDEX tickets_token_key'],
      message: 'tickets.token has no unique index, so a duplicate would go unnoticed.',
      advice: 'Run CREATE UNIQUE INDEX CONCURRENTLY ON tickets (token).',
    },
    {
      when: 'the index on the token is not unique',
      level: 'warning',
      statements: ['DROP INDEX tickets_token_key', 'CREATE INDEX ON tickets (token)'],
      message: 'tickets.token has no unique index, so a duplicate would go unnoticed.',
    },
    {
      when: 'the unique index on the token is invalid',
      level: 'warning',
      statements: ["UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'tickets_token_key'::regclass"],
      message:
        'the unique index tickets_token_key on tickets.token is invalid, so it may miss duplicates, and no query uses it.',
      advice: 'Run REINDEX INDEX CONCURRENTLY tickets_token_key.',
    },
    {
      when: 'the unique index on the token is partial',
      level: 'warning',
      statements: ['DROP INDEX tickets_token_key', 'CREATE UNIQUE INDEX by_token ON tickets (token) WHERE id > 100'],
      message: 'the unique index by_token is partial: it covers some rows only, so a duplicate would go unnoticed.',
      advice: 'Run CREATE UNIQUE INDEX CONCURRENTLY ON tickets (token).',
    },
    {
      when: 'the unique index is on the token and another column',
      level: 'warning',
      statements: ['DROP INDEX tickets_token_key', 'CREATE UNIQUE INDEX "By token" ON tickets (subject, token)'],
      message:
        'the unique index "By token" is on subject, token together, not on tickets.token alone, so a duplicate would go unnoticed.',
      advice: 'Run CREATE UNIQUE INDEX CONCURRENTLY ON tickets (token).',
    },
  ]);

  itFinds(database, 'indexes', [
    {
      when: 'there is one more index',
      level: 'ok',
      statements: ['CREATE INDEX ON tickets (subject)'],
      message: 'each rotated row gets a new entry in 3 indexes.',
    },
    {
      when: 'there are more indexes, also by expression and for some rows',
      level: 'warning',
      statements: ['CREATE INDEX ON tickets (subject)', 'CREATE INDEX ON tickets (lower(token::text)) WHERE id > 100'],
      message: 'each rotated row gets a new entry in 4 indexes, including those that are not on tickets.token.',
      advice:
        'The rotation takes longer, writes more WAL, and these indexes grow. Drop unused ones (idx_scan = 0 in pg_stat_user_indexes); afterward REINDEX TABLE CONCURRENTLY tickets shrinks them again.',
    },
    {
      when: 'only the condition of an index has to do with the token',
      level: 'ok',
      statements: ['DROP INDEX tickets_token_key', 'CREATE INDEX ON tickets (subject) WHERE token IS NOT NULL'],
      message: 'each rotated row gets a new entry in 2 indexes.',
    },
    {
      when: 'the token is in no index',
      level: 'ok',
      statements: [
        'DROP INDEX tickets_token_key',
        'CREATE INDEX ON tickets USING brin (token)',
        'CREATE INDEX ON tickets (subject)',
      ],
      message:
        'tickets.token is in no index, so no index is written where a page has room for the new version of a row.',
    },
  ]);

  it('says how large they are, where that is worth telling', () => {
    expect(judgeIndexes(TICKETS, indexes(4, 1.5e9)).message).toMatch(
      /^each rotated row .+ 4 indexes \(about 6 GB\), including those/,
    );
    expect(judgeIndexes(TICKETS, indexes(2, 30e6)).message).toMatch(
      /^each rotated row .+ 2 indexes \(about 60 MB\)\.$/,
    );
    expect(judgeIndexes(TICKETS, indexes(2, 16_384)).message).toMatch(/^each rotated row .+ 2 indexes\.$/);
  });

  it('does not count an index that nothing is entered into', () => {
    const unfinished = indexes(4, 0).map((index, place) => ({ ...index, isReady: place > 0 }));
    expect(judgeIndexes(TICKETS, unfinished).level).toBe('ok');
  });
});

/** So many, each of such a size. */
function indexes(number: number, bytes: number): Index[] {
  return Array.from({ length: number }, (_, place) => ({
    name: `index_${place}`,
    method: 'btree',
    keyColumns: ['token'],
    isUnique: false,
    isValid: true,
    isReady: true,
    isPartial: false,
    isPartitioned: false,
    sortsAsColumn: true,
    concernsToken: true,
    bytes,
  }));
}
