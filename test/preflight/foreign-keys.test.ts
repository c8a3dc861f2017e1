import { describe, expect, it } from '@jest/globals';
import type { Target } from '../../src/config/target.ts';
import { inspectForeignKeys } from '../../src/preflight/foreign-keys.ts';
import { useTestDatabase } from '../support/database.ts';
import { inSituation, itFinds } from '../support/findings.ts';
import { TICKETS } from '../support/tickets.ts';

describe('the preflight of the foreign keys', () => {
  const { database } = useTestDatabase();

  itFinds(database, 'foreign-keys', [
    {
      when: 'another table refers to the token',
      level: 'stop',
      statements: ['CREATE TABLE orders (id bigint PRIMARY KEY, ticket_token uuid REFERENCES tickets (token))'],
      message:
        'orders (orders_ticket_token_fkey) refers to tickets.token without ON UPDATE CASCADE, so updates would fail or references would break.',
      advice: 'Replace that foreign key with one that has ON UPDATE CASCADE, or drop it.',
    },
    {
      when: 'another table refers to the token and loses that',
      level: 'stop',
      statements: [
        'CREATE TABLE orders (id bigint PRIMARY KEY, ticket_token uuid REFERENCES tickets (token) ON UPDATE SET NULL)',
      ],
      message:
        'orders (orders_ticket_token_fkey) refers to tickets.token without ON UPDATE CASCADE, so updates would fail or references would break.',
    },
    {
      when: 'a partitioned table refers to the token',
      level: 'stop',
      statements: [
        'CREATE TABLE orders (id bigint PRIMARY KEY, ticket_token uuid REFERENCES tickets (token)) PARTITION BY RANGE (id)',
        'CREATE TABLE early_orders PARTITION OF orders FOR VALUES FROM (1) TO (100)',
      ],
      message:
        'orders (orders_ticket_token_fkey) refers to tickets.token without ON UPDATE CASCADE, so updates would fail or references would break.',
    },
    {
      when: 'another table follows the token by an index',
      level: 'warning',
      statements: [
        'CREATE TABLE orders (id bigint PRIMARY KEY, ticket_token uuid UNIQUE REFERENCES tickets (token) ON UPDATE CASCADE)',
      ],
      message: 'orders (orders_ticket_token_fkey) refers to tickets.token, so each batch updates those rows, too.',
      advice: 'Batches also lock rows there and take longer.',
    },
    {
      when: 'another table follows the token without an index',
      level: 'warning',
      statements: [
        'CREATE TABLE orders (id bigint PRIMARY KEY, ticket_token uuid REFERENCES tickets (token) ON UPDATE CASCADE)',
      ],
      message: 'orders (orders_ticket_token_fkey) refers to tickets.token, so each batch updates those rows, too.',
      advice:
        'Create an index on the referring column of orders first. Without one, each rotated row scans that table.',
    },
    {
      when: 'another table refers to the key',
      level: 'ok',
      statements: ['CREATE TABLE orders (ticket_id bigint REFERENCES tickets)'],
      message: 'no foreign key refers to tickets.token.',
    },
    {
      when: 'a foreign key that refers to the token is not enforced',
      level: 'ok',
      statements: [
        'CREATE TABLE orders (id bigint PRIMARY KEY, ticket_token uuid REFERENCES tickets (token) NOT ENFORCED)',
      ],
      message: 'no foreign key refers to tickets.token.',
    },
    {
      when: 'the token refers to another table',
      level: 'stop',
      statements: [
        'CREATE TABLE codes (token uuid PRIMARY KEY)',
        'ALTER TABLE tickets ADD CONSTRAINT known FOREIGN KEY (token) REFERENCES codes',
      ],
      message: 'tickets.token itself refers to another table (known), which has no fresh token.',
      advice: 'Drop that foreign key, or rotate the table that it refers to.',
    },
  ]);

  describe('of relations that the Prisma schema alone knows', () => {
    const relations = [{ label: 'Order.ticket', relation: '"public"."orders"', isOwn: false }];
    const inspect = (target: Partial<Target>, statement: string) =>
      inSituation(database, [statement], (transaction) => inspectForeignKeys(transaction, { ...TICKETS, ...target }));

    it('warns where no foreign key keeps them', async () => {
      const table = 'CREATE TABLE orders (id bigint PRIMARY KEY, ticket_token uuid)';
      expect(await inspect({ relations }, table)).toMatchObject({
        level: 'warning',
        message:
          'Order.ticket of the Prisma schema refers to tickets.token by no foreign key, so those rows will keep the old tokens.',
      });
      const own = [{ label: 'Ticket.pass', relation: TICKETS.relation, isOwn: true }];
      expect(await inspect({ relations: own }, table)).toMatchObject({
        level: 'warning',
        message: expect.stringMatching(/^tickets\.token itself refers to another table \(Ticket\.pass of /),
      });
    });

    it('says nothing more where a foreign key does', async () => {
      const table =
        'CREATE TABLE orders (id bigint PRIMARY KEY, ticket_token uuid UNIQUE REFERENCES tickets (token) ON UPDATE CASCADE)';
      expect(await inspect({ relations }, table)).toEqual(await inspect({ relations: [] }, table));
    });
  });
});
