import { describe } from '@jest/globals';
import { useTestDatabase } from '../support/database.ts';
import { itFinds } from '../support/findings.ts';

const SEE_LIMITS = 'See Limits in the README for what to change.';

describe('the preflight of key and token', () => {
  const { database } = useTestDatabase();

  itFinds(database, 'key-column', [
    {
      when: 'the key is an integer',
      level: 'stop',
      statements: ['ALTER TABLE tickets ALTER COLUMN id TYPE integer'],
      message: 'tickets.id is of type integer; only a key of type bigint is supported.',
      advice: SEE_LIMITS,
    },
    {
      when: 'the key is a domain over bigint',
      level: 'stop',
      statements: ['CREATE DOMAIN ticket_id AS bigint', 'ALTER TABLE tickets ALTER COLUMN id TYPE ticket_id'],
      message: 'tickets.id is of type ticket_id; only a key of type bigint is supported.',
    },
    {
      when: 'the key is text',
      level: 'stop',
      statements: ['ALTER TABLE tickets ALTER COLUMN id DROP DEFAULT, ALTER COLUMN id TYPE text'],
      message: 'tickets.id is of type text; only a key of type bigint is supported.',
      advice: SEE_LIMITS,
    },
    {
      when: 'there is no column id',
      level: 'stop',
      statements: ['ALTER TABLE tickets RENAME COLUMN id TO number'],
      message: 'tickets has no column id.',
      advice: SEE_LIMITS,
    },
    {
      when: 'the key has no index',
      level: 'stop',
      statements: ['ALTER TABLE tickets DROP CONSTRAINT tickets_pkey'],
      message: 'tickets.id has no unique index of its own, so rows could be passed over.',
      advice: 'Run ALTER TABLE tickets ADD PRIMARY KEY (id).',
    },
    {
      when: 'the key is unique only together with another column',
      level: 'stop',
      statements: ['ALTER TABLE tickets DROP CONSTRAINT tickets_pkey, ADD PRIMARY KEY (id, subject)'],
      message: 'tickets.id has no unique index of its own, so rows could be passed over.',
    },
    {
      when: 'the key has an index that is not unique',
      level: 'stop',
      statements: ['ALTER TABLE tickets DROP CONSTRAINT tickets_pkey', 'CREATE INDEX ON tickets (id)'],
      message: 'tickets.id has no unique index of its own, so rows could be passed over.',
    },
    {
      when: 'the index of the key is invalid',
      level: 'stop',
      statements: ["UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'tickets_pkey'::regclass"],
      message: 'index tickets_pkey on tickets.id is invalid.',
      advice: 'Run REINDEX INDEX CONCURRENTLY tickets_pkey.',
    },
    {
      when: 'the key may be null',
      level: 'stop',
      statements: [
        'ALTER TABLE tickets DROP CONSTRAINT tickets_pkey, ADD UNIQUE (id)',
        'ALTER TABLE tickets ALTER COLUMN id DROP NOT NULL',
      ],
      message: 'tickets.id may be null, and rows without a key would keep their leaked token.',
      advice: 'Run ALTER TABLE tickets ALTER COLUMN id SET NOT NULL.',
    },
  ]);

  itFinds(database, 'token-column', [
    {
      when: 'there is no column token',
      level: 'stop',
      statements: ['ALTER TABLE tickets RENAME COLUMN token TO secret'],
      message: 'tickets has no column token.',
      advice: SEE_LIMITS,
    },
    {
      when: 'the token is text',
      level: 'stop',
      statements: ['ALTER TABLE tickets ALTER COLUMN token TYPE varchar(36)'],
      message: 'tickets.token is of type character varying(36); only uuid can be rotated.',
      advice: SEE_LIMITS,
    },
    {
      when: 'the token is a domain over uuid',
      level: 'ok',
      statements: ['CREATE DOMAIN ticket_token AS uuid', 'ALTER TABLE tickets ALTER COLUMN token TYPE ticket_token'],
      message: 'tickets.token is of type ticket_token and never null.',
    },
    {
      when: 'the token is generated',
      level: 'stop',
      statements: [
        'ALTER TABLE tickets DROP COLUMN token',
        'ALTER TABLE tickets ADD COLUMN token uuid GENERATED ALWAYS AS (md5(subject)::uuid) STORED',
      ],
      message: 'tickets.token is a generated column, which nobody can write.',
      advice: 'Rotate what it is computed from.',
    },
    {
      when: 'the token may be null',
      level: 'warning',
      statements: ['ALTER TABLE tickets ALTER COLUMN token DROP NOT NULL'],
      message: 'tickets.token may be null, and rows without a token will be given one, too.',
      advice:
        'Where null has a meaning, such as a ticket that was returned, note the keys of those rows and set them to null again afterwards; where it has none, run ALTER TABLE tickets ALTER COLUMN token SET NOT NULL.',
    },
  ]);
});
