import { hostname, userInfo } from 'node:os';

/** Who is recorded as having done something: `user@host`. In a container, the user may have no name. */
export function whoIsThis(): string {
  try {
    return `${userInfo().username}@${hostname()}`;
  } catch {
    return `user ${process.getuid?.()}@${hostname()}`;
  }
}
