import { base64url, defineTargets, hex, sha256 } from 'rotate-tokens';
import { PrismaClient } from './generated/prisma/client.ts';
import { notify } from './notify.ts';
import { seal } from './outbox.ts';

export default defineTargets(
  PrismaClient,
  {
    /** API keys, by UUIDs; only those that are older than the leak. */
    customer: {
      model: 'Customer',
      key: 'id',
      token: 'apiKey',
      kind: base64url({ bytes: 24, prefix: 'tk_live_' }),
      scope: { createdAt: { lt: new Date('2026-11-01T00:00:00Z') } },
    },

    /** Sessions, by text keys: only hashes are stored, so the tokens themselves go to whoever sends them out. */
    session: {
      model: 'Session',
      key: 'id',
      token: 'tokenHash',
      kind: sha256(base64url({ bytes: 32 })),
      afterBatch: (transaction, rows) =>
        transaction.outbox.createMany({
          data: rows.map(({ key, token }) => ({ sessionId: key, sealed: seal(token) })),
        }),
    },

    /** API keys of one organization's users, hashed, with the beginning of each key. */
    apiKey: {
      model: 'ApiKey',
      key: 'id',
      token: 'hashedKey',
      kind: sha256(base64url({ bytes: 24, prefix: 'sk_' }), { encoding: 'base64url' }),
      scope: { user: { orgId: 7 } },
      set: ({ token }) => ({ start: token.slice(0, 7), rotatedAt: new Date() }),
      touch: 'updatedAt',
    },

    /** Secrets that sign webhooks, replaced as planned: receivers have a day to take the new one over. */
    webhook: {
      model: 'Webhook',
      key: 'id',
      token: 'secret',
      kind: base64url({ bytes: 32, prefix: 'whsec_' }),
      grace: { token: 'previousSecret', until: 'previousSecretEnds', for: '24h' },
    },

    /** Invitations of one tenant, by whole numbers. */
    invite: {
      model: 'Invite',
      key: 'number',
      token: 'code',
      kind: hex({ bytes: 16 }),
      scope: { tenantId: 7 },
    },
  },
  {
    /** The worker must not fall too far behind. */
    throttle: async (client) => ((await client.outbox.count()) > 100_000 ? 'the outbox is long' : null),
    onEvent: notify,
  },
);
