import { randomUUID } from 'node:crypto';

/**
 * Fresh tokens: version 4 UUIDs from the operating system's cryptographically secure generator,
 * 122 random bits each (RFC 9562, section 5.4).
 *
 * @param count how many, 0 or more
 */
export function makeTokens(count: number): string[] {
  return Array.from({ length: count }, () => randomUUID());
}
