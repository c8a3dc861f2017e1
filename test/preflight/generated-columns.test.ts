import { describe } from '@jest/globals';
import { useTestDatabase } from '../support/database.ts';
import { itFinds } from '../support/findings.ts';

describe('the preflight of columns that are generated from the token', () => {
  const { database } = useTestDatabase();

  itFinds(database, 'generated-columns', [
    {
      when: 'a column is generated from the token',
      level: 'warning',
      statements: [
        "ALTER TABLE tickets ADD COLUMN link text GENERATED ALWAYS AS ('https://example.com/' || token) STORED",
        'ALTER TABLE tickets ADD COLUMN title text GENERATED ALWAYS AS (upper(subject)) STORED',
        'ALTER TABLE tickets ADD COLUMN shown text GENERATED ALWAYS AS (token::text) VIRTUAL',
        'ALTER TABLE tickets ADD COLUMN other uuid DEFAULT gen_random_uuid()',
      ],
      message: 'tickets.token is what link is generated from, so these values change, too.',
      advice: 'Check that no link, table or cache keeps the old values. Each row takes longer.',
    },
  ]);
});
