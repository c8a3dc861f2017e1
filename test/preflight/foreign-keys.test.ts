import { describe } from '@jest/globals';
import { useTestDatabase } from '../support/database.ts';
import { itFinds } from '../support/findings.ts';

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
});
