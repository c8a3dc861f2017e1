import { createHash, randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { runRotation, startRotation } from '../support/command.ts';
import { useTestDatabase } from '../support/database.ts';
import { PATIENT } from '../support/patient.ts';
import { changesPerTicket, insertTickets, keysUpTo, recordTokenChanges, tokensByKey } from '../support/tickets.ts';
import { until } from '../support/until.ts';

const TICKETS = 3_000;

/** Every third ticket's token has leaked. */
const LEAKED = TICKETS / 3;

describe('npx tsx scripts/rotate-tokens.ts --only', () => {
  const { database, url } = useTestDatabase();
  let folder: string;
  let path: string;
  let leaked: string[];
  let before: Map<bigint, string>;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rotate-tokens-only-'));
    path = join(folder, 'leaked.txt');
  });
  afterAll(() => rm(folder, { recursive: true }));
  beforeEach(async () => {
    await insertTickets(database, keysUpTo(TICKETS));
    await recordTokenChanges(database);
    before = await tokensByKey(database);
    leaked = [...before].filter(([id]) => id % 3n === 0n).map(([, token]) => token);
    await writeFile(path, leaked.join('\n'));
  });
  const run = (...args: string[]) => runRotation(['--only', path, ...args], url);
  const changedKeys = async () => {
    const rows = await database.$queryRaw<{ id: bigint }[]>`SELECT DISTINCT id FROM token_changes ORDER BY id`;
    return rows.map(({ id }) => Number(id));
  };
  const leakedKeys = keysUpTo(TICKETS).filter((key) => key % 3 === 0);

  it('rotates the rows that hold a token of the list, once, and no other one', async () => {
    const unknown = Array.from({ length: 5 }, randomUUID);
    await writeFile(path, [...leaked, ...unknown].join('\n'));
    const { exitCode, stdout, stderr } = await run('--batch-size', '100');
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    const sha256 = createHash('sha256')
      .update([...leaked, ...unknown].join('\n'))
      .digest('hex');
    expect(stdout).toContain(`list with SHA-256 ${sha256}: 1,005 tokens, on 1,000 rows in scope\n`);
    expect(stdout).toContain('coverage: The list was gone through until no row in scope held one of its tokens.\n');
    expect(stdout).toContain('leaked-list: No leaked token works anymore (1,005 tokens looked up).');
    expect(stdout).not.toContain(leaked[0]);
    expect(await changesPerTicket(database)).toEqual({ 0: TICKETS - LEAKED, 1: LEAKED });
    expect(await changedKeys()).toEqual(leakedKeys);

    const again = await run();
    expect({ exitCode: again.exitCode, stderr: again.stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(await changesPerTicket(database)).toEqual({ 0: TICKETS - LEAKED, 1: LEAKED });
    const { stdout: status } = await runRotation(['status'], url);
    expect(status).toContain('100 % · 1,000 of 1,000');
    const verified = await runRotation(['verify', '--leaked', path], url);
    expect(verified).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining(`a list alone (SHA-256 ${sha256})`),
    });
  });

  it('continues after it was killed, and rotates no row twice', async () => {
    await database.$executeRaw`
      CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.002); RETURN NEW; END $$`;
    await database.$executeRaw`CREATE TRIGGER dawdle BEFORE UPDATE ON tickets FOR EACH ROW EXECUTE FUNCTION dawdle()`;
    const first = startRotation(['--only', path], url);
    await until(async () => (await changedKeys()).length > 0);
    first.process.kill('SIGKILL');
    await first.ended;
    const { exitCode, stderr } = await run();
    await database.$executeRaw`DROP FUNCTION dawdle CASCADE`;
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(await changesPerTicket(database)).toEqual({ 0: TICKETS - LEAKED, 1: LEAKED });
  });

  it('leaves a row alone whose token was replaced in the meantime, and retries one that is locked', async () => {
    await database.$executeRaw`UPDATE tickets SET token = gen_random_uuid() WHERE id = 3`;
    await database.$executeRaw`TRUNCATE token_changes`;
    const { running } = await database.$transaction(async (transaction) => {
      await transaction.$executeRaw`SELECT FROM tickets WHERE id = 6 FOR UPDATE`;
      const running = run('--lock-timeout-ms', '50');
      await until(async () => (await changedKeys()).length === LEAKED - 2);
      return { running };
    }, PATIENT);
    expect((await running).exitCode).toBe(0);
    expect(await changedKeys()).toEqual(leakedKeys.slice(1));
  });

  it('names the rows that stay locked, and continues with the same command', async () => {
    await database.$transaction(async (transaction) => {
      await transaction.$executeRaw`SELECT FROM tickets WHERE id IN (6, 9) FOR UPDATE`;
      const { exitCode, stderr } = await run('--lock-timeout-ms', '50', '--max-retry-time-ms', '0');
      expect(exitCode).toBe(1);
      expect(stderr).toContain('By key: 6 (55P03), 9 (55P03).');
    }, PATIENT);
    expect((await run()).exitCode).toBe(0);
    expect(await changesPerTicket(database)).toEqual({ 0: TICKETS - LEAKED, 1: LEAKED });
  });

  it('looks the list up in a dry run, and writes nothing', async () => {
    const { exitCode, stdout } = await run('--dry-run');
    expect(exitCode).toBe(0);
    expect(stdout).toContain('1,000 tokens, on 1,000 rows in scope\n');
    expect(await changedKeys()).toEqual([]);
    expect(await database.rotation.count()).toBe(0);
  });

  it.each([
    ['empty', '', 'The leaked list is empty, so no token was looked up.'],
    ['of something else', 'holder-1@example.com\nholder-2@example.com', 'This is most likely the wrong list.'],
  ])('refuses a list that is %s, before anything is written', async (_, text, reason) => {
    await writeFile(path, text);
    const { exitCode, stderr } = await run();
    expect({ exitCode, stderr }).toEqual({ exitCode: 2, stderr: expect.stringContaining(reason) });
    expect(await database.rotation.count()).toBe(0);
  });

  it('refuses another list, or none, under the same name, and stands in the way of no other rotation', async () => {
    const sha256 = createHash('sha256').update(leaked.join('\n')).digest('hex');
    expect((await run()).exitCode).toBe(0);
    await writeFile(path, leaked.slice(1).join('\n'));
    const started = `was started for the tokens of the list with SHA-256 ${sha256}.`;
    expect(await run()).toMatchObject({ exitCode: 2, stderr: expect.stringContaining(started) });
    expect(await runRotation([], url)).toMatchObject({ exitCode: 2, stderr: expect.stringContaining(started) });
    expect(await runRotation(['--dry-run'], url)).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining(started),
    });
    expect((await runRotation(['--name', 'all'], url)).exitCode).toBe(0);
    expect(await changesPerTicket(database)).toEqual({ 1: TICKETS - LEAKED, 2: LEAKED });
    expect(await run('--name', 'all')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('was started for every token in scope. To continue it, leave --only out'),
    });
    // The tokens of the list are gone by now, so that nothing is left to rotate.
    expect((await run('--name', 'late')).exitCode).toBe(0);
    expect(await changesPerTicket(database)).toEqual({ 1: TICKETS - LEAKED, 2: LEAKED });
  });

  it('needs a file, since the list is read several times', async () => {
    const { exitCode, stderr } = await runRotation(['--only', '-'], url);
    expect({ exitCode, stderr }).toEqual({ exitCode: 2, stderr: expect.stringContaining('--only needs a file') });
  });
});
