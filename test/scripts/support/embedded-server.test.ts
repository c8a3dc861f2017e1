import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openTicketDatabase } from '../../../scripts/support/ticket-database.ts';
import { type Running, start } from '../../support/command.ts';
import { until } from '../../support/until.ts';

describe('an embedded server and its standby', () => {
  let folder: string;
  let running: Running;
  let urls: string[];
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'embedded-server-test-'));
    await chmod(folder, 0o755); // the server's user has to come through
    running = start(['--import', 'tsx', 'test/support/server-to-orphan.ts'], undefined, { TMPDIR: folder });
    urls = (await running.untilPrinted('ready')).split('\n').slice(0, 2);
  });
  afterAll(() => rm(folder, { recursive: true }));
  const answers = async () => Promise.all(urls.map(isAnswering));
  const leftBehind = async () => (await readdir(folder)).filter((name) => name.startsWith('rotate-tokens'));

  it('answer, and keep their data in one temporary folder', async () => {
    expect(await answers()).toEqual([true, true]);
    expect(await leftBehind()).toHaveLength(1);
  });

  it('end, and leave no data behind, when the process that started them is killed', async () => {
    running.process.kill('SIGKILL');
    expect((await running.ended).signal).toBe('SIGKILL');
    await until(async () => (await leftBehind()).length === 0);
    expect(await answers()).toEqual([false, false]);
  });
});

async function isAnswering(url: string): Promise<boolean> {
  const database = openTicketDatabase(url, { connections: 1 });
  try {
    await database.$queryRaw`SELECT`;
    return true;
  } catch {
    return false;
  } finally {
    await database.$disconnect();
  }
}
