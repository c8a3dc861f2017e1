import { describe } from '@jest/globals';
import { useTestDatabase } from '../support/database.ts';
import { itFinds } from '../support/findings.ts';

describe('the preflight of session_replication_role', () => {
  const { database } = useTestDatabase();

  itFinds(database, 'replication-role', [
    {
      when: 'it turns triggers off for this user',
      level: 'warning',
      statements: ["SET LOCAL session_replication_role = 'replica'"],
      message:
        'session_replication_role is replica for this user, so ordinary triggers and foreign keys ignore the updates.',
      advice:
        'If the application relies on them, reset it (ALTER ROLE … RESET session_replication_role) or use another user.',
    },
    {
      when: 'it is local',
      level: 'ok',
      statements: ["SET LOCAL session_replication_role = 'local'"],
      message: 'triggers and foreign keys work as the application has them.',
    },
  ]);
});
