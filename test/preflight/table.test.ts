import { describe } from '@jest/globals';
import { useTestDatabase } from '../support/database.ts';
import { itFinds } from '../support/findings.ts';

const MIGRATE = 'Run `npx prisma migrate deploy` first.';
const ROLE = 'CREATE ROLE preflight_app';
const AS_ROLE = 'SET LOCAL ROLE preflight_app';

describe('the preflight of the table', () => {
  const { database } = useTestDatabase();

  itFinds(database, 'table', [
    {
      when: 'tickets is missing',
      level: 'stop',
      statements: ['DROP TABLE tickets'],
      message: 'there is no table tickets in schema public.',
      advice: MIGRATE,
    },
    {
      when: 'rotation_checkpoints is missing',
      level: 'stop',
      statements: ['DROP TABLE rotation_checkpoints'],
      message: 'there is no table rotation_checkpoints in schema public.',
      advice: MIGRATE,
    },
    {
      when: 'rotation_checkpoints is of an earlier version',
      level: 'stop',
      statements: ['ALTER TABLE rotation_checkpoints DROP COLUMN rows_total, DROP COLUMN set_aside'],
      message: 'rotation_checkpoints lacks rows_total, set_aside.',
      advice: MIGRATE,
    },
    {
      when: 'tickets is in another schema',
      level: 'stop',
      statements: ['CREATE SCHEMA shop', 'ALTER TABLE tickets SET SCHEMA shop'],
      message: 'there is no table tickets in schema public.',
      advice:
        'Run `npx prisma migrate deploy` first. If the one in schema shop is meant, add ?schema=shop to DATABASE_URL; its user needs USAGE on that schema.',
    },
    {
      when: 'condemned_tokens is missing',
      level: 'stop',
      statements: ['DROP TABLE condemned_tokens'],
      message: 'there is no table condemned_tokens in schema public.',
      advice: MIGRATE,
    },
    {
      when: 'tickets is unlogged',
      level: 'warning',
      statements: ['ALTER TABLE tickets SET UNLOGGED'],
      message: 'tickets is unlogged: a crash of the server empties it.',
    },
    {
      when: 'this user has a table of the same name in a schema of its search_path',
      level: 'warning',
      statements: ['CREATE SCHEMA postgres', 'CREATE TABLE postgres.tickets (id bigint)'],
      message: /^postgres in the search_path of this user has a table of the same name as tickets\./,
    },
    {
      when: 'a temporary view has the name of the table',
      level: 'warning',
      statements: ['CREATE TEMPORARY VIEW tickets AS SELECT 1'],
      message: /^pg_temp_\d+ in the search_path of this user has a table of the same name as tickets\./,
    },
    {
      when: 'another schema, that is not in the search_path, has a table of that name',
      level: 'ok',
      statements: ['CREATE SCHEMA shop', 'CREATE TABLE shop.tickets (id bigint)'],
      message: /^tickets in schema public is an ordinary table/,
    },
    {
      when: 'tickets is a view',
      level: 'stop',
      statements: ['ALTER TABLE tickets RENAME TO all_tickets', 'CREATE VIEW tickets AS SELECT * FROM all_tickets'],
      message: 'tickets is a view; only an ordinary or a partitioned table can be rotated.',
      advice: 'Rotate the table behind it instead.',
    },
    {
      when: 'tickets is a materialized view',
      level: 'stop',
      statements: [
        'ALTER TABLE tickets RENAME TO all_tickets',
        'CREATE MATERIALIZED VIEW tickets AS SELECT * FROM all_tickets',
      ],
      message: 'tickets is a materialized view; only an ordinary or a partitioned table can be rotated.',
      advice: 'Rotate the table behind it instead.',
    },
    {
      when: 'tickets is a partitioned table',
      level: 'ok',
      statements: [
        'DROP TABLE tickets',
        'CREATE TABLE tickets (id bigint PRIMARY KEY, token uuid) PARTITION BY RANGE (id)',
      ],
      message: 'tickets in schema public is a partitioned table; the tables of this package are ordinary ones.',
    },
    {
      when: 'tickets is a foreign table',
      level: 'stop',
      statements: [
        'DROP TABLE tickets',
        'CREATE FOREIGN DATA WRAPPER nowhere',
        'CREATE SERVER elsewhere FOREIGN DATA WRAPPER nowhere',
        'CREATE FOREIGN TABLE tickets (id bigint, token uuid) SERVER elsewhere',
      ],
      message: 'tickets is a foreign table; only an ordinary or a partitioned table can be rotated.',
      advice: 'Rotate it on the server that has its rows.',
    },
    {
      when: 'a table inherits from tickets',
      level: 'stop',
      statements: ['CREATE TABLE old_tickets () INHERITS (tickets)'],
      message: 'other tables inherit from tickets, so a key may occur in it more than once.',
      advice: 'Detach them (ALTER TABLE … NO INHERIT tickets) and rotate each as a separate target.',
    },
    {
      when: 'row-level security applies to the user',
      level: 'stop',
      statements: ['ALTER TABLE tickets ENABLE ROW LEVEL SECURITY', ROLE, AS_ROLE],
      message: 'row-level security applies to this user on tickets, and hidden rows would keep their leaked tokens.',
      advice: 'Use a user with BYPASSRLS in DATABASE_URL, or the owner of the table unless row security is forced.',
    },
    {
      when: 'row-level security is forced upon the owner',
      level: 'stop',
      statements: [
        'ALTER TABLE tickets ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY',
        ROLE,
        'ALTER TABLE tickets OWNER TO preflight_app',
        AS_ROLE,
      ],
      message: 'row-level security applies to this user on tickets, and hidden rows would keep their leaked tokens.',
    },
    {
      when: 'row-level security is there, but not for the owner',
      level: 'ok',
      statements: [
        'ALTER TABLE tickets ENABLE ROW LEVEL SECURITY',
        ROLE,
        'ALTER TABLE tickets OWNER TO preflight_app',
        'ALTER TABLE rotations OWNER TO preflight_app',
        AS_ROLE,
      ],
      message: /^tickets in schema public is an ordinary table/,
    },
  ]);
});
