import { isCondemned } from 'rotate-tokens';
import type { PrismaClient } from './generated/prisma/client.ts';

/** Who holds an API key. A key that leaked gets a better answer than "unknown key", and may raise an alarm. */
export async function authenticate(prisma: PrismaClient, token: string) {
  const customer = await prisma.customer.findUnique({ where: { apiKey: token } });
  if (customer) return customer;
  const revoked = await isCondemned(prisma, token);
  if (revoked) throw new Error(`this key was revoked on ${revoked.startedAt.toISOString()}`);
  throw new Error('unknown key');
}
