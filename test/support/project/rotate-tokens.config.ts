import { base64url, defineTargets, hex } from '../../../src/index.ts';
import { PrismaClient } from '../generated/prisma/client.ts';

/** Tables as public applications have them. */
export default defineTargets(PrismaClient, {
  member: {
    model: 'Member',
    key: ['tenantId', 'id'],
    token: 'secret',
    kind: hex({ bytes: 24 }),
    scope: { plan: 'PRO' },
  },
  event: { model: 'Event', key: ['id', 'createdAt'], token: 'token', kind: base64url({ bytes: 24 }) },
  payment: { model: 'Payment', key: 'id', token: 'token', kind: base64url({ bytes: 24 }) },
  verificationToken: {
    model: 'VerificationToken',
    key: ['identifier', 'token'],
    token: 'token',
    kind: base64url({ bytes: 32 }),
  },
  session: { model: 'Session', key: 'id', token: 'sessionToken', kind: base64url({ bytes: 32 }) },
});
