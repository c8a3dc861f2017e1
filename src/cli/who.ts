import { hostname, userInfo } from 'node:os';

/** How long a pause lasts unless it says so. */
export const DEFAULT_PAUSE_MS = 30 * 60_000;

/** `user@host`; in a container, the user may have no name. */
export function whoIsThis(): string {
  try {
    return `${userInfo().username}@${hostname()}`;
  } catch {
    return `user ${process.getuid?.()}@${hostname()}`;
  }
}
