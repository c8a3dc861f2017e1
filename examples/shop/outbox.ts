import { privateDecrypt, publicEncrypt } from 'node:crypto';
import type { PrismaClient } from './generated/prisma/client.ts';

/** Rows that the worker takes at a time. */
const ROWS_AT_A_TIME = 100;

/**
 * Encrypts a token, so that only the worker can read it: RSA-OAEP with SHA-256 (RFC 8017, section 7.1). The key of 3,072 bits
 * holds up to 318 bytes.
 */
export function seal(token: string): Uint8Array<ArrayBuffer> {
  const key = process.env.OUTBOX_PUBLIC_KEY;
  if (!key) throw new Error('OUTBOX_PUBLIC_KEY must be set');
  return Uint8Array.from(publicEncrypt({ key, oaepHash: 'sha256' }, Buffer.from(token)));
}

/**
 * Sends what is in the outbox, and deletes it. If it is killed in between, it sends a few of them again.
 *
 * @param privateKey known to this worker alone, on another machine than the database
 * @returns how many were sent
 */
export async function deliver(
  prisma: PrismaClient,
  privateKey: string,
  send: (sessionId: string, token: string) => Promise<void>,
): Promise<number> {
  let sent = 0;
  for (;;) {
    const rows = await prisma.outbox.findMany({ orderBy: { id: 'asc' }, take: ROWS_AT_A_TIME });
    if (rows.length === 0) return sent;
    for (const { sessionId, sealed } of rows) {
      await send(sessionId, privateDecrypt({ key: privateKey, oaepHash: 'sha256' }, sealed).toString());
    }
    await prisma.outbox.deleteMany({ where: { id: { in: rows.map(({ id }) => id) } } });
    sent += rows.length;
  }
}
