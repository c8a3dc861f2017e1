import { PrismaClient } from './src/generated/prisma/client.ts';
import { defineTargets, uuid } from './src/index.ts';

/** What `--target` chooses from. */
export default defineTargets(PrismaClient, {
  ticket: { model: 'Ticket', key: 'id', token: 'token', kind: uuid() },
});
