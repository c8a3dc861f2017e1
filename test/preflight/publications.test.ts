import { describe } from '@jest/globals';
import { useTestDatabase } from '../support/database.ts';
import { itFinds } from '../support/findings.ts';

describe('the preflight of publications and subscriptions', () => {
  const { database } = useTestDatabase();

  itFinds(database, 'publications', [
    {
      when: 'each update is published with its key',
      level: 'ok',
      statements: ['CREATE PUBLICATION "Feed" FOR TABLE tickets'],
      message: 'tickets has a replica identity for its publications: "Feed".',
    },
    {
      when: 'updates are published, and PostgreSQL could not say of which row',
      level: 'stop',
      statements: ['CREATE PUBLICATION feed FOR TABLE tickets', 'ALTER TABLE tickets REPLICA IDENTITY NOTHING'],
      message: 'tickets is published (feed) without a replica identity, so PostgreSQL rejects every update of it.',
      advice: 'Run ALTER TABLE tickets REPLICA IDENTITY USING INDEX tickets_pkey.',
    },
    {
      when: 'all tables are published, and this one has no primary key',
      level: 'stop',
      statements: [
        'CREATE PUBLICATION feed FOR ALL TABLES',
        'ALTER TABLE tickets DROP CONSTRAINT tickets_pkey',
        'CREATE UNIQUE INDEX tickets_id ON tickets (id)',
        'DROP INDEX tickets_token_key',
      ],
      message: /^tickets is published \(feed\) without a replica identity/,
      advice: 'Run ALTER TABLE tickets REPLICA IDENTITY USING INDEX tickets_id.',
    },
    {
      when: 'the index that was the replica identity is gone, and no other one could be it',
      level: 'stop',
      statements: [
        'CREATE UNIQUE INDEX identity ON tickets (id)',
        'ALTER TABLE tickets REPLICA IDENTITY USING INDEX identity',
        'CREATE PUBLICATION feed FOR TABLE tickets',
        'DROP INDEX identity',
        'ALTER TABLE tickets DROP CONSTRAINT tickets_pkey',
        'ALTER TABLE tickets ALTER id DROP NOT NULL, ALTER token DROP NOT NULL',
      ],
      message: /without a replica identity/,
      advice: 'Run ALTER TABLE tickets REPLICA IDENTITY FULL, or take the table out of the publication.',
    },
    {
      when: 'whole rows are published',
      level: 'ok',
      statements: ['CREATE PUBLICATION feed FOR TABLE tickets', 'ALTER TABLE tickets REPLICA IDENTITY FULL'],
      message: 'tickets has a replica identity for its publications: feed.',
    },
    {
      when: 'only inserts are published',
      level: 'ok',
      statements: [
        "CREATE PUBLICATION feed FOR TABLE tickets WITH (publish = 'insert')",
        'ALTER TABLE tickets REPLICA IDENTITY NOTHING',
      ],
      message: 'tickets is in no publication, and no subscription writes it.',
    },
    {
      when: 'a parent of its partitions is published, and one of them has no replica identity',
      level: 'stop',
      statements: [
        'DROP TABLE tickets',
        'CREATE TABLE tickets (id bigint PRIMARY KEY, token uuid NOT NULL) PARTITION BY RANGE (id)',
        'CREATE TABLE tickets_1 PARTITION OF tickets FOR VALUES FROM (1) TO (100)',
        'CREATE PUBLICATION feed FOR TABLE tickets WITH (publish_via_partition_root)',
        'ALTER TABLE tickets_1 REPLICA IDENTITY NOTHING',
      ],
      message: /^tickets_1 is published \(feed\)/,
    },
    {
      when: 'a subscription writes it',
      level: 'stop',
      statements: [...subscription(), 'ALTER SUBSCRIPTION sync ENABLE'],
      message:
        'tickets is written by logical replication (subscription sync), which would bring the leaked tokens back.',
      advice: 'Rotate in the database that it comes from, or run ALTER SUBSCRIPTION sync DISABLE first.',
    },
    {
      when: 'a disabled subscription writes it',
      level: 'warning',
      statements: subscription(),
      message: 'a disabled subscription writes tickets when it is enabled again: sync.',
      advice: 'Rotate in the database that it comes from as well, or changes there bring the leaked tokens back.',
    },
  ]);
});

/** A subscription whose publisher is not asked; the catalog entry is what a refresh would have made. */
function subscription(): string[] {
  return [
    "CREATE SUBSCRIPTION sync CONNECTION 'dbname=nowhere' PUBLICATION feed WITH (connect = false, slot_name = 'sync')",
    `INSERT INTO pg_subscription_rel (srsubid, srrelid, srsubstate)
     SELECT oid, 'tickets'::regclass, 'r' FROM pg_subscription WHERE subname = 'sync'`,
  ];
}
