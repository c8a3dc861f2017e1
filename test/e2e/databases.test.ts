import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { rotationReportSchema } from '../../src/index.ts';
import { COMMAND, start } from '../support/command.ts';
import { useTestDatabase } from '../support/database.ts';
import { changesPerTicket, insertTickets, keysUpTo, recordTokenChanges } from '../support/tickets.ts';

const ROWS = 200;

describe('npx tsx scripts/rotate-tokens.ts --databases', () => {
  const [north, south] = [useTestDatabase(), useTestDatabase()];
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rotate-tokens-databases-'));
  });
  afterAll(() => rm(folder, { recursive: true }));
  const report = () => join(folder, 'report.json');
  const run = async (text: string, environment: Record<string, string>) => {
    const path = join(folder, 'databases.txt');
    await writeFile(path, text);
    return start([COMMAND, '--databases', path, '--name', 'leak', '--report', report()], undefined, environment).ended;
  };

  it('rotates in each database that a variable has the URL of, also when one fails', async () => {
    for (const { database } of [north, south]) {
      await insertTickets(database, keysUpTo(ROWS));
      await recordTokenChanges(database);
    }
    const text = '# by region\nNORTH_URL\n\nEAST_URL\nSOUTH_URL\n';
    const { exitCode, stdout, stderr } = await run(text, { NORTH_URL: north.url, SOUTH_URL: south.url });
    expect({ exitCode, stderr }).toEqual({ exitCode: 2, stderr: expect.stringContaining('EAST_URL is not set.') });
    expect(stdout).toMatch(/\n2 of 3 rotations are done; not: leak in EAST_URL \(exit code 2\)\. /);
    for (const { database } of [north, south]) expect(await changesPerTicket(database)).toEqual({ 1: ROWS });

    const { rotations, missing, summary } = rotationReportSchema.parse(JSON.parse(await readFile(report(), 'utf8')));
    const databases = [north, south].map(({ url }) => new URL(url).host + new URL(url).pathname);
    expect(rotations.map(({ database, state }) => [database, state])).toEqual(
      databases.map((each) => [each, 'complete']),
    );
    expect(missing).toEqual([{ rotation: 'leak in EAST_URL', why: 'unreadable' }]);
    expect(summary).toContain("Rotation 'leak in EAST_URL' is NOT known: its database could not be read.");
  });

  it.each([
    ['NORTH_URL\npostgresql://app:secret@db/shop', 'line 2 of .+ is not the name of an environment variable'],
    ['# nothing\n', 'names no environment variable'],
  ])('refuses a file with anything else in it, and does not repeat it', async (text, message) => {
    const { exitCode, stdout, stderr } = await run(text, { NORTH_URL: north.url });
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(new RegExp(message));
    expect(stdout + stderr).not.toContain('secret');
    expect(await north.database.rotation.count()).toBe(0);
  });
});
