import { describe } from '@jest/globals';
import { useTestDatabase } from '../support/database.ts';
import { itFinds } from '../support/findings.ts';

const ROLE = 'CREATE ROLE preflight_app';
const AS_ROLE = 'SET LOCAL ROLE preflight_app';
const ON_CHECKPOINTS =
  'GRANT SELECT, INSERT, UPDATE, DELETE ON rotations, rotation_checkpoints, condemned_tokens, rotation_runs, rotation_orders, rotation_checks TO preflight_app';

describe('the preflight of the privileges', () => {
  const { database } = useTestDatabase();

  itFinds(database, 'privileges', [
    {
      when: 'the user has no privilege at all',
      level: 'stop',
      statements: [ROLE, AS_ROLE],
      message:
        'preflight_app lacks SELECT, UPDATE on tickets, SELECT, INSERT, UPDATE, DELETE on rotations, SELECT, INSERT, UPDATE on rotation_checkpoints, SELECT, INSERT, DELETE on condemned_tokens, SELECT, INSERT, UPDATE on rotation_runs, SELECT on rotation_orders and SELECT, INSERT on rotation_checks.',
      advice:
        'Run GRANT SELECT, UPDATE ON tickets TO preflight_app; GRANT SELECT, INSERT, UPDATE, DELETE ON rotations TO preflight_app; GRANT SELECT, INSERT, UPDATE ON rotation_checkpoints TO preflight_app; GRANT SELECT, INSERT, DELETE ON condemned_tokens TO preflight_app; GRANT SELECT, INSERT, UPDATE ON rotation_runs TO preflight_app; GRANT SELECT ON rotation_orders TO preflight_app; GRANT SELECT, INSERT ON rotation_checks TO preflight_app.',
    },
    {
      when: 'the user may only read',
      level: 'stop',
      statements: [
        ROLE,
        'GRANT SELECT ON tickets, rotations, rotation_checkpoints, condemned_tokens, rotation_runs, rotation_orders, rotation_checks TO preflight_app',
        AS_ROLE,
      ],
      message:
        'preflight_app lacks UPDATE on tickets, INSERT, UPDATE, DELETE on rotations, INSERT, UPDATE on rotation_checkpoints, INSERT, DELETE on condemned_tokens, INSERT, UPDATE on rotation_runs and INSERT on rotation_checks.',
      advice:
        'Run GRANT UPDATE ON tickets TO preflight_app; GRANT INSERT, UPDATE, DELETE ON rotations TO preflight_app; GRANT INSERT, UPDATE ON rotation_checkpoints TO preflight_app; GRANT INSERT, DELETE ON condemned_tokens TO preflight_app; GRANT INSERT, UPDATE ON rotation_runs TO preflight_app; GRANT INSERT ON rotation_checks TO preflight_app.',
    },
    {
      when: 'the user has just the privileges that are needed',
      level: 'ok',
      statements: [ROLE, 'GRANT SELECT (id, token), UPDATE ON tickets TO preflight_app', ON_CHECKPOINTS, AS_ROLE],
      message: 'preflight_app has the privileges that it needs.',
    },
    {
      when: 'the user may update the column only',
      level: 'warning',
      statements: [ROLE, 'GRANT SELECT, UPDATE (token) ON tickets TO preflight_app', ON_CHECKPOINTS, AS_ROLE],
      message:
        'preflight_app has UPDATE on the column tickets.token only, so a locked or refused row will end the run.',
      advice: 'Run GRANT UPDATE ON tickets TO preflight_app; then such a row is set aside and retried.',
    },
    {
      when: 'the user may update another column only',
      level: 'stop',
      statements: [ROLE, 'GRANT SELECT, UPDATE (subject) ON tickets TO preflight_app', ON_CHECKPOINTS, AS_ROLE],
      message: 'preflight_app lacks UPDATE on tickets.',
    },
  ]);
});
