import { describe, expect, it } from '@jest/globals';
import { inspectKeyColumn } from '../../src/preflight/columns.ts';
import { useTestDatabase } from '../support/database.ts';
import { itFinds } from '../support/findings.ts';
import { ticketTarget } from '../support/tickets.ts';

const MIGRATE =
  'The Prisma schema has it: run `npx prisma migrate deploy`, or `npx prisma db pull` if the database is right.';

describe('the preflight of key and token', () => {
  const { database } = useTestDatabase();

  itFinds(database, 'key-column', [
    ...['smallint', 'integer', 'uuid', 'text', 'varchar(20)', 'char(20)'].map((type) => ({
      when: `the key is of type ${type}`,
      level: 'ok' as const,
      statements: [
        'ALTER TABLE tickets ALTER COLUMN id DROP DEFAULT',
        `ALTER TABLE tickets ALTER COLUMN id TYPE ${type} USING NULL`,
      ],
      message: /^tickets\.id is of type .+ and has the unique index tickets_pkey\.$/,
    })),
    {
      when: 'the key is a domain over bigint',
      level: 'ok',
      statements: ['CREATE DOMAIN ticket_id AS bigint', 'ALTER TABLE tickets ALTER COLUMN id TYPE ticket_id'],
      message: 'tickets.id is of type ticket_id and has the unique index tickets_pkey.',
    },
    {
      when: 'the key is of a type that is none',
      level: 'stop',
      statements: [
        'ALTER TABLE tickets ALTER COLUMN id DROP DEFAULT',
        'ALTER TABLE tickets ALTER COLUMN id TYPE timestamptz USING NULL',
      ],
      message:
        'tickets.id is of type timestamp with time zone; a key must be smallint, integer, bigint, uuid, text, character varying or character.',
      advice: 'Choose another unique column as the key of the target.',
    },
    {
      when: 'the only index of the key sorts in another order than the column',
      level: 'stop',
      statements: [
        'ALTER TABLE tickets DROP CONSTRAINT tickets_pkey',
        'ALTER TABLE tickets ALTER COLUMN id DROP DEFAULT, ALTER COLUMN id TYPE text',
        'CREATE UNIQUE INDEX ON tickets (id text_pattern_ops)',
        'CREATE UNIQUE INDEX ON tickets (id COLLATE "C")',
      ],
      message: 'tickets.id alone has no unique index, so rows could be skipped.',
    },
    {
      when: 'there is no column id',
      level: 'stop',
      statements: ['ALTER TABLE tickets RENAME COLUMN id TO number'],
      message: 'there is no column tickets.id.',
      advice: MIGRATE,
    },
    {
      when: 'the key has no index',
      level: 'stop',
      statements: ['ALTER TABLE tickets DROP CONSTRAINT tickets_pkey'],
      message: 'tickets.id alone has no unique index, so rows could be skipped.',
      advice: 'Run CREATE UNIQUE INDEX CONCURRENTLY ON tickets (id).',
    },
    {
      when: 'the key is unique only together with another column',
      level: 'stop',
      statements: ['ALTER TABLE tickets DROP CONSTRAINT tickets_pkey, ADD PRIMARY KEY (id, subject)'],
      message: 'tickets.id alone has no unique index, so rows could be skipped.',
    },
    {
      when: 'the key has an index that is not unique',
      level: 'stop',
      statements: ['ALTER TABLE tickets DROP CONSTRAINT tickets_pkey', 'CREATE INDEX ON tickets (id)'],
      message: 'tickets.id alone has no unique index, so rows could be skipped.',
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

  it.each([
    ['ends in time', { createdAt: { lt: new Date('2026-03-01T12:00:00Z') } }, false, 'ok'],
    ['goes on', { subject: { not: 'returned' } }, false, 'warning'],
    ['goes on, and tokens are condemned', { subject: { not: 'returned' } }, 'auto' as const, 'ok'],
  ])(
    'warns of keys that do not grow unless new rows can be told from others: the scope %s',
    async (_, scope, condemn, level) => {
      const target = await ticketTarget({ key: 'holderEmail', scope });
      await database.$executeRaw`CREATE UNIQUE INDEX by_email ON tickets (holder_email)`;
      expect((await inspectKeyColumn(database, target, { condemn })).level).toBe(level);
      await database.$executeRaw`DROP INDEX by_email`;
    },
  );

  itFinds(database, 'token-column', [
    {
      when: 'there is no column token',
      level: 'stop',
      statements: ['ALTER TABLE tickets RENAME COLUMN token TO secret'],
      message: 'there is no column tickets.token.',
      advice: MIGRATE,
    },
    {
      when: 'the token is text',
      level: 'ok',
      statements: ['ALTER TABLE tickets ALTER COLUMN token TYPE varchar(36)'],
      message: 'tickets.token is of type character varying(36) and not null.',
    },
    {
      when: 'the token is text with too little room',
      level: 'stop',
      statements: ['ALTER TABLE tickets ALTER COLUMN token TYPE varchar(35)'],
      message: 'tickets.token is of type character varying(35); tokens of kind uuid have 36 characters.',
      advice: 'Choose another kind of token for the target, or make the column wider.',
    },
    {
      when: 'the token is text with too little room, by a domain',
      level: 'stop',
      statements: ['CREATE DOMAIN code AS varchar(8)', 'ALTER TABLE tickets ALTER COLUMN token TYPE code USING NULL'],
      message: 'tickets.token is of type code; tokens of kind uuid have 36 characters.',
    },
    {
      when: 'the token is no text',
      level: 'stop',
      statements: ['ALTER TABLE tickets ALTER COLUMN token TYPE bytea USING NULL'],
      message:
        'tickets.token is of type bytea; tokens of kind uuid need uuid, text, character varying, character, citext.',
      advice: 'Choose another kind of token for the target, or change the column.',
    },
    {
      when: 'the token is a domain over uuid',
      level: 'ok',
      statements: ['CREATE DOMAIN ticket_token AS uuid', 'ALTER TABLE tickets ALTER COLUMN token TYPE ticket_token'],
      message: 'tickets.token is of type ticket_token and not null.',
    },
    {
      when: 'the token is generated',
      level: 'stop',
      statements: [
        'ALTER TABLE tickets DROP COLUMN token',
        'ALTER TABLE tickets ADD COLUMN token uuid GENERATED ALWAYS AS (md5(subject)::uuid) STORED',
      ],
      message: 'tickets.token is a generated column and cannot be written.',
      advice: 'Rotate what it is computed from.',
    },
    {
      when: 'the token may be null',
      level: 'warning',
      statements: ['ALTER TABLE tickets ALTER COLUMN token DROP NOT NULL'],
      message: 'tickets.token may be null, and rows without a token will get one, too.',
      advice:
        'If null has a meaning, such as a returned ticket, give the target a scope, { token: { not: null } }; otherwise run ALTER TABLE tickets ALTER COLUMN token SET NOT NULL.',
    },
  ]);
});
