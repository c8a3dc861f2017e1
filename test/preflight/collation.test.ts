import { describe } from '@jest/globals';
import { useTestDatabase } from '../support/database.ts';
import { itFinds } from '../support/findings.ts';

/** As an upgrade of the library that sorts leaves it behind. */
const OUTDATED = [
  `CREATE COLLATION german (provider = icu, locale = 'de')`,
  `UPDATE pg_collation SET collversion = '1' WHERE collname = 'german'`,
];
const TEXT_TOKEN = 'ALTER TABLE tickets ALTER COLUMN token TYPE text COLLATE german';
const TEXT_KEY = 'ALTER TABLE tickets ALTER COLUMN id DROP DEFAULT, ALTER COLUMN id TYPE text';

describe('the preflight of collations', () => {
  const { database } = useTestDatabase();

  itFinds(database, 'collation', [
    { when: 'key and token have none', level: 'ok', statements: [], message: /indexes/ },
    {
      when: 'that of the key has changed since its index was built',
      level: 'stop',
      statements: [...OUTDATED, `${TEXT_KEY} COLLATE german`],
      message: /collation german has version .+, and had 1 .+tickets\.id/,
      advice: 'Run REINDEX TABLE CONCURRENTLY tickets, then ALTER COLLATION german REFRESH VERSION.',
    },
    {
      when: 'that of the token has changed since its index was built',
      level: 'warning',
      statements: [...OUTDATED, TEXT_TOKEN],
      message: /tickets\.token/,
    },
    {
      when: 'those of both have',
      level: 'stop',
      statements: [...OUTDATED, TEXT_TOKEN, `${TEXT_KEY} COLLATE german`],
      message: /tickets\.id/,
    },
    {
      when: 'only that of another column has',
      level: 'ok',
      statements: [...OUTDATED, 'ALTER TABLE tickets ALTER COLUMN subject TYPE text COLLATE german'],
      message: /indexes/,
    },
    {
      when: "the database's own has",
      level: 'stop',
      statements: [
        TEXT_KEY,
        `UPDATE pg_database SET datlocprovider = 'i', datlocale = 'de', datcollversion = '1' WHERE datname = current_database()`,
      ],
      message: /the database's collation has version/,
    },
  ]);
});
