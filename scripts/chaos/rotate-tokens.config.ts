import { arrayLiteral } from '../../src/database/array-literal.ts';
import { PrismaClient } from '../../src/generated/prisma/client.ts';
import { defineTargets, uuid } from '../../src/index.ts';

/** The tickets of this package, with an outbox row for each rotated ticket. */
export default defineTargets(PrismaClient, {
  ticket: {
    model: 'Ticket',
    key: 'id',
    token: 'token',
    kind: uuid(),
    afterBatch: (transaction, rows) => transaction.$executeRaw`
      INSERT INTO outbox
      SELECT * FROM unnest(${arrayLiteral(rows.map(({ key }) => key))}::bigint[], ${arrayLiteral(rows.map(({ token }) => token))}::uuid[])`,
  },
});
