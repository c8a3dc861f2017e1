import { describe } from '@jest/globals';
import { useTestDatabase } from '../support/database.ts';
import { itFinds } from '../support/findings.ts';

describe('the preflight of the constraints', () => {
  const { database } = useTestDatabase();

  itFinds(database, 'constraints', [
    {
      when: 'rows may violate a CHECK constraint',
      level: 'warning',
      statements: ['ALTER TABLE tickets ADD CONSTRAINT "Sold" CHECK (id > 300) NOT VALID'],
      message:
        'existing rows of tickets may violate a constraint that is NOT VALID: "Sold". PostgreSQL rejects the update of each such row.',
      advice:
        'Run ALTER TABLE tickets VALIDATE CONSTRAINT "Sold" now. If it fails, repair those rows or drop the constraint first.',
    },
    {
      when: 'rows may hold a null where none may be',
      level: 'warning',
      statements: [
        'ALTER TABLE tickets ADD seat text',
        `DO $$BEGIN
          IF current_setting('server_version_num')::int >= 180000
          THEN ALTER TABLE tickets ADD CONSTRAINT seated NOT NULL seat NOT VALID;
          ELSE ALTER TABLE tickets ADD CONSTRAINT seated CHECK (seat IS NOT NULL) NOT VALID;
          END IF;
        END$$`,
      ],
      message: /NOT VALID: seated\./,
    },
    {
      when: 'all rows have passed them',
      level: 'ok',
      statements: ['ALTER TABLE tickets ADD CONSTRAINT positive CHECK (id > 0)'],
      message: 'every row of tickets has passed its constraints.',
    },
    {
      when: 'a foreign key of another column is NOT VALID',
      level: 'ok',
      statements: [
        'CREATE TABLE seats (id bigint PRIMARY KEY)',
        'ALTER TABLE tickets ADD seat bigint',
        'ALTER TABLE tickets ADD CONSTRAINT seated FOREIGN KEY (seat) REFERENCES seats NOT VALID',
      ],
      message: 'every row of tickets has passed its constraints.',
    },
  ]);
});
