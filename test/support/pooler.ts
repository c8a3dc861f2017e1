import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../scripts/support/free-port.ts';
import { runAfterDeath } from '../../scripts/support/watchdog.ts';

/** Whether the machine has one: Debian and Homebrew call the package `pgbouncer`. */
export const hasPooler = spawnSync('pgbouncer', ['--version']).status === 0;

/** A PgBouncer of one's own in transaction mode, with its defaults otherwise. */
export interface Pooler {
  /** The URL of the same database by way of it. */
  through(databaseUrl: string): string;
  stop(): Promise<void>;
}

/**
 * @param serverUrl where it connects to
 * @param connections to the server, for each database
 */
export async function startPooler(serverUrl: string, connections: number): Promise<Pooler> {
  const folder = await mkdtemp(join(tmpdir(), 'rotate-tokens-pooler-'));
  const port = await freePort();
  const file = join(folder, 'pgbouncer.ini');
  await writeFile(file, settings(new URL(serverUrl), port, connections), { mode: 0o600 });
  const pooler = spawn('pgbouncer', [file], { stdio: ['ignore', 'ignore', 'pipe'] });
  const callOff = runAfterDeath('kill "$1"', `${pooler.pid}`);
  let log = '';
  pooler.stderr.setEncoding('utf8').on('data', (text) => (log += text));
  const ended = once(pooler, 'close');
  while (!log.includes('process up')) {
    await Promise.race([once(pooler.stderr, 'data'), ended]);
    if (pooler.exitCode !== null) throw new Error(`PgBouncer did not start:\n${log}`);
  }
  return {
    through: (databaseUrl) => Object.assign(new URL(databaseUrl), { port: `${port}` }).href,
    async stop() {
      pooler.kill('SIGINT');
      await ended;
      callOff();
      await rm(folder, { recursive: true });
    },
  };
}

function settings({ hostname, port, username, password }: URL, listenPort: number, connections: number): string {
  return `
    [databases]
    * = host=${hostname} port=${port} user=${username} password=${password}
    [pgbouncer]
    listen_addr = 127.0.0.1
    listen_port = ${listenPort}
    unix_socket_dir =
    auth_type = any
    pool_mode = transaction
    default_pool_size = ${connections}
    ${userInfo().uid === 0 ? 'user = nobody' : ''}`.replaceAll(/^ +/gm, '');
}
