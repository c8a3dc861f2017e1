/** Starts a server with a standby, prints the URLs of both, and waits until it is killed. */
import { setTimeout as sleep } from 'node:timers/promises';
import { startEmbeddedServer } from '../../scripts/support/embedded-server.ts';

const server = await startEmbeddedServer({ fsync: 'off', hot_standby: 'on' });
const standby = await server.addStandby('reader');
process.stdout.write(`${server.url('postgres')}\n${standby.url('postgres')}\nready\n`);
await sleep(600_000);
