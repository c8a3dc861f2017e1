import { spawn } from 'node:child_process';

/**
 * Runs a shell script once this process has ended, however it ended: SIGKILL included.
 *
 * @param script for `sh`, with the argument as `$1`
 * @returns calls it off
 */
export function runAfterDeath(script: string, argument: string): () => void {
  // The other end of its input closes when this process is gone. In a process group of its own, no Ctrl-C reaches it.
  const watchdog = spawn('sh', ['-c', `read -r _; ${script}`, 'sh', argument], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  watchdog.on('error', () => {}); // Windows has no sh, and goes without
  watchdog.stdin.on('error', () => {});
  watchdog.unref();
  return () => {
    watchdog.kill('SIGKILL');
    watchdog.stdin.destroy();
  };
}
