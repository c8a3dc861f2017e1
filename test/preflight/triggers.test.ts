import { describe } from '@jest/globals';
import { useTestDatabase } from '../support/database.ts';
import { itFinds } from '../support/findings.ts';

const FUNCTION = `CREATE FUNCTION interfere() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'`;

describe('the preflight of triggers and rules', () => {
  const { database } = useTestDatabase();

  itFinds(database, 'triggers', [
    {
      when: 'triggers run for each row',
      level: 'warning',
      statements: [
        FUNCTION,
        'CREATE TRIGGER audit AFTER UPDATE ON tickets FOR EACH ROW EXECUTE FUNCTION interfere()',
        'CREATE TRIGGER "Mail" BEFORE UPDATE OF subject, token ON tickets FOR EACH ROW EXECUTE FUNCTION interfere()',
        'CREATE CONSTRAINT TRIGGER proof AFTER UPDATE ON tickets DEFERRABLE FOR EACH ROW EXECUTE FUNCTION interfere()',
      ],
      message: '3 triggers will run for each rotated row: "Mail", audit, proof.',
      advice:
        'Check that they keep the new token, and what they write, send or refuse for every row. If they must not run, ALTER TABLE tickets DISABLE TRIGGER "Mail" disables one for all sessions until you enable it again.',
    },
    {
      when: 'a trigger runs for each update of what is generated from the token',
      level: 'warning',
      statements: [
        FUNCTION,
        'ALTER TABLE tickets ADD COLUMN digest text GENERATED ALWAYS AS (md5(token::text)) STORED',
        'CREATE TRIGGER audit AFTER UPDATE OF digest ON tickets FOR EACH ROW EXECUTE FUNCTION interfere()',
      ],
      message: '1 trigger will run for each rotated row: audit.',
    },
    {
      when: 'a trigger runs once a statement',
      level: 'ok',
      statements: [FUNCTION, 'CREATE TRIGGER audit AFTER UPDATE ON tickets EXECUTE FUNCTION interfere()'],
      message: 'no trigger will run for each row; once per batch: audit.',
    },
    {
      when: 'triggers run for other events, other columns, replicated changes, or never',
      level: 'ok',
      statements: [
        FUNCTION,
        'CREATE TRIGGER a BEFORE INSERT OR DELETE ON tickets FOR EACH ROW EXECUTE FUNCTION interfere()',
        'CREATE TRIGGER b BEFORE UPDATE OF subject ON tickets FOR EACH ROW EXECUTE FUNCTION interfere()',
        'CREATE TRIGGER c BEFORE UPDATE ON tickets FOR EACH ROW EXECUTE FUNCTION interfere()',
        'CREATE TRIGGER d BEFORE UPDATE ON tickets FOR EACH ROW EXECUTE FUNCTION interfere()',
        'ALTER TABLE tickets ENABLE REPLICA TRIGGER c',
        'ALTER TABLE tickets DISABLE TRIGGER d',
      ],
      message: 'no trigger will run.',
    },
    {
      when: 'a trigger runs always, also for replicated changes',
      level: 'warning',
      statements: [
        FUNCTION,
        'CREATE TRIGGER audit AFTER UPDATE ON tickets FOR EACH ROW EXECUTE FUNCTION interfere()',
        'ALTER TABLE tickets ENABLE ALWAYS TRIGGER audit',
      ],
      message: '1 trigger will run for each rotated row: audit.',
    },
  ]);

  itFinds(database, 'rules', [
    {
      when: 'a rule rewrites updates',
      level: 'stop',
      statements: ['CREATE RULE frozen AS ON UPDATE TO tickets DO INSTEAD NOTHING'],
      message: '1 rule on tickets would rewrite the updates: frozen.',
      advice: 'Run ALTER TABLE tickets DISABLE RULE frozen during the rotation.',
    },
    {
      when: 'rules rewrite something else, or are disabled',
      level: 'ok',
      statements: [
        'CREATE RULE kept AS ON DELETE TO tickets DO INSTEAD NOTHING',
        'CREATE RULE frozen AS ON UPDATE TO tickets DO INSTEAD NOTHING',
        'ALTER TABLE tickets DISABLE RULE frozen',
      ],
      message: 'no rule rewrites updates of tickets.',
    },
  ]);
});
