import { createHash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { reportSchema, rotationReportSchema } from '../../src/index.ts';
import { runRotation, startRotation } from '../support/command.ts';
import { useTestDatabase } from '../support/database.ts';
import { insertTickets, keysUpTo, tokensByKey } from '../support/tickets.ts';
import { until } from '../support/until.ts';

const TOKEN = /[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}/i;

describe('the report of a run', () => {
  const { database, url } = useTestDatabase();
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rotate-tokens-report-test-'));
  });
  afterAll(() => rm(folder, { recursive: true }));
  const read = async (name: string) => {
    const text = await readFile(join(folder, name), 'utf8');
    expect(text).not.toMatch(TOKEN);
    expect(text).not.toContain(new URL(url).password);
    return text;
  };
  const report = async (name: string) => reportSchema.parse(JSON.parse(await read(name)));

  it('tells what was rotated, what was found before, and what was verified', async () => {
    await insertTickets(database, keysUpTo(1_000));
    const { exitCode, stderr } = await runRotation(['--report', join(folder, 'complete.json')], url);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    const complete = await report('complete.json');
    expect(complete).toMatchObject({ outcome: 'complete', rows: { done: 1_000, thisRun: 1_000 } });
    expect(JSON.stringify(complete)).toContain('unique-index');
    expect(JSON.stringify(complete)).toContain('coverage');
    expect(await readdir(folder)).toEqual(['complete.json']);
  });

  it('is written when the run is interrupted, too', async () => {
    await insertTickets(database, keysUpTo(10_000));
    const running = startRotation(['--batch-size', '20', '--report', join(folder, 'interrupted.json')], url);
    await running.untilPrinted("rotation 'default': replacing");
    running.process.kill('SIGTERM');
    expect((await running.ended).exitCode).toBe(143);
    expect(await report('interrupted.json')).toMatchObject({ outcome: 'interrupted' });
  });

  it('is written when the run fails, too, as a page that needs nothing but itself', async () => {
    await insertTickets(database, keysUpTo(100));
    await database.$executeRaw`ALTER TABLE tickets ADD CONSTRAINT frozen CHECK (id <> 42) NOT VALID`;
    const { exitCode } = await runRotation(['--report', join(folder, 'failed.html')], url);
    await database.$executeRaw`ALTER TABLE tickets DROP CONSTRAINT frozen`;
    expect(exitCode).toBe(1);
    const page = await read('failed.html');
    expect(page).toContain('1 row could not be rotated');
    expect(page).not.toMatch(/<script|(?:src|href)="http/);
  });

  it('that cannot be written at the end is said to be missing, and does not change what the exit code says', async () => {
    await insertTickets(database, keysUpTo(5_000));
    const gone = join(folder, 'gone');
    await mkdir(gone);
    const running = startRotation(['--batch-size', '100', '--report', join(gone, 'report.json')], url);
    await running.untilPrinted("rotation 'default': replacing");
    await rm(gone, { recursive: true });
    const { exitCode, stdout, stderr } = await running.ended;
    expect({ exitCode, stderr }).toEqual({
      exitCode: 0,
      stderr: expect.stringMatching(/^rotate-tokens: the report could not be written to .+: ENOENT/),
    });
    expect(stdout).toContain("'default' is complete: 5,000 tokens replaced");
  });

  it.each([
    ['report.pdf', '--report must end with .html or .json'],
    [join('nowhere', 'report.json'), '--report cannot be written: ENOENT: no such file or directory'],
  ])('is refused before anything is rotated when it cannot be written: %s', async (name, message) => {
    await insertTickets(database, keysUpTo(100));
    const { exitCode, stderr } = await runRotation(['--report', join(folder, name)], url);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(message);
    expect(await database.rotationCheckpoint.count()).toBe(0);
  });
});

describe('the report of a whole rotation', () => {
  const { database, url } = useTestDatabase();
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rotate-tokens-report-test-'));
  });
  afterAll(() => rm(folder, { recursive: true }));
  const report = async (...args: string[]) => {
    const path = join(folder, 'report.json');
    const { exitCode, stderr } = await runRotation([...args, '--report', path], url);
    return { exitCode, stderr, report: rotationReportSchema.parse(JSON.parse(await readFile(path, 'utf8'))) };
  };

  it('has all its runs, also one that was killed, and each look-up of a list with its SHA-256', async () => {
    await insertTickets(database, keysUpTo(5_000));
    const leaked = [...(await tokensByKey(database)).values()].join('\n');
    await writeFile(join(folder, 'leaked.txt'), leaked);
    const first = startRotation(['--max-rows-per-second', '500'], url);
    await until(async () => (await database.rotationRun.count()) > 0);
    first.process.kill('SIGKILL');
    await first.ended;
    expect((await runRotation([], url)).exitCode).toBe(0);
    await until(async () => {
      const { rotations } = (await report('report')).report;
      return rotations.some(({ runs }) => runs.some(({ outcome }) => outcome === 'lost')); // not seen for some seconds
    });
    const verified = await report('verify', '--leaked', join(folder, 'leaked.txt'));
    expect(verified).toMatchObject({ exitCode: 0, stderr: '' });

    const later = await report('report');
    expect(later.report.rotations).toEqual(verified.report.rotations);
    expect(later).toMatchObject({ exitCode: 0, stderr: '', report: { missing: [] } });
    expect(later.report.rotations).toMatchObject([
      {
        rotation: 'default',
        state: 'complete',
        rows: { done: 5_000, total: 5_000 },
        runs: [{ outcome: 'complete' }, { outcome: 'lost', endedAt: null }],
        checks: [
          {
            listSha256: createHash('sha256').update(leaked).digest('hex'),
            tokensChecked: 5_000,
            rowsFound: 0,
            findings: expect.arrayContaining([expect.objectContaining({ check: 'leaked-list', level: 'ok' })]),
          },
          { listSha256: null, findings: expect.arrayContaining([expect.objectContaining({ check: 'coverage' })]) },
        ],
      },
    ]);
    const printed = await runRotation(['report'], url);
    expect(printed).toMatchObject({ exitCode: 0, stderr: '', stdout: `${later.report.summary}\n` });
    expect(JSON.stringify(later.report).replaceAll(/[0-9a-f]{64}/g, 'a SHA-256')).not.toMatch(TOKEN);
    expect(later.report.summary).toContain('Nothing is left to do');
  });

  it('says that a verification failed, and what it found', async () => {
    await insertTickets(database, keysUpTo(100));
    const [leaked = ''] = (await tokensByKey(database)).values();
    await writeFile(join(folder, 'leaked.txt'), leaked);
    expect((await runRotation([], url)).exitCode).toBe(0);
    await database.$executeRaw`UPDATE tickets SET token = ${leaked}::uuid WHERE id = 7`;
    const { exitCode, report: written } = await report('verify', '--leaked', join(folder, 'leaked.txt'));
    expect(exitCode).toBe(4);
    expect(written.rotations).toMatchObject([{ checks: [{ tokensChecked: 1, rowsFound: 1 }, {}] }]);
    expect(written.summary).toContain('VERIFICATION FOUND A PROBLEM');
  });

  it.each([
    ['has no privilege for it', '42501', (role: string) => [`GRANT pg_read_all_data TO ${role}`]],
    [
      'may only read, as on a replica',
      '25006',
      (role: string) => [`ALTER ROLE ${role} SUPERUSER`, `ALTER ROLE ${role} SET default_transaction_read_only = on`],
    ],
  ])('has what was found by somebody who cannot record it, who is told so: %s', async (_, fault, statements) => {
    await insertTickets(database, keysUpTo(100));
    expect((await runRotation([], url)).exitCode).toBe(0);
    const role = `auditor_${randomBytes(4).toString('hex')}`;
    await database.$executeRawUnsafe(`CREATE ROLE ${role} LOGIN PASSWORD 'audit'`);
    for (const statement of statements(role)) await database.$executeRawUnsafe(statement);
    const reading = new URL(url);
    [reading.username, reading.password] = [role, 'audit'];
    const path = join(folder, 'audit.json');
    const { exitCode, stderr } = await runRotation(['verify', '--report', path], reading.href);
    await database.$executeRawUnsafe(`DROP ROLE ${role}`);
    expect({ exitCode, stderr }).toEqual({
      exitCode: 0,
      stderr: expect.stringMatching(new RegExp(`^rotate-tokens: what was found could not be recorded: .*${fault}`)),
    });
    const written = rotationReportSchema.parse(JSON.parse(await readFile(path, 'utf8')));
    expect(written.rotations).toMatchObject([{ checks: [{ databaseUser: role }, {}] }]);
    expect(await database.rotationCheck.count()).toBe(1);
  });

  it('is refused where no such rotation is recorded', async () => {
    for (const args of [['report'], ['verify', '--report', join(folder, 'none.json')]]) {
      const { exitCode, stderr } = await runRotation([...args, '--name', 'nope'], url);
      expect({ exitCode, stderr }).toEqual({
        exitCode: 2,
        stderr: expect.stringContaining("no rotation 'nope' is recorded"),
      });
    }
    expect(await readdir(folder)).not.toContain('none.json');
  });
});

describe('the preflight of a run', () => {
  const { database, url } = useTestDatabase();

  it('stops it with exit code 2 before anything is written, and says what to do', async () => {
    await insertTickets(database, keysUpTo(100));
    await database.$executeRaw`CREATE RULE frozen AS ON UPDATE TO tickets DO INSTEAD NOTHING`;
    for (const args of [[], ['--dry-run']]) {
      const { exitCode, stdout, stderr } = await runRotation(args, url);
      expect(exitCode).toBe(2);
      expect(stdout).toMatch(/STOP +rules: 1 rule on tickets would rewrite the updates: frozen\./);
      expect(stderr).toMatch(/^rotate-tokens: the database is not ready, so nothing was changed: .*frozen.*\n$/);
    }
    expect(await database.rotationCheckpoint.count()).toBe(0);
    await database.$executeRaw`DROP RULE frozen ON tickets`;
  });

  it('is all that a dry run shows, beside the plan and what it would cost', async () => {
    await insertTickets(database, keysUpTo(5_000));
    const { exitCode, stdout, stderr } = await runRotation(['--dry-run'], url);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(stdout).toMatch(/ {2}ok {7}unique-index: index tickets_token_key keeps tokens unique\.\n/);
    expect(stdout).toMatch(
      / {2}plan {6}5,000 tokens in 1 partition, up to key 5000\n {2}condemn {3}the hashes of 5,000 tokens, about 50 kB in the database\n {2}batch {5}2,000 rows in \d+ ms, /,
    );
    expect(await database.rotationCheckpoint.count()).toBe(0);
  });
});
