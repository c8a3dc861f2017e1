import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { parseSettings, rotate } from '../../src/index.ts';
import { runRotation, startRotation } from '../support/command.ts';
import { useTestDatabase } from '../support/database.ts';
import { insertTickets, keysUpTo, TICKETS as TICKET_TARGET, tokensByKey } from '../support/tickets.ts';

const TICKETS = 500;

/** Anything that looks like a token, with hyphens or without. */
const TOKEN = /[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}/i;

describe('npx tsx scripts/rotate-tokens.ts verify', () => {
  const { database, url } = useTestDatabase();
  let folder: string;
  let leaked: string[];
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rotate-tokens-verify-'));
  });
  afterAll(() => rm(folder, { recursive: true }));
  beforeEach(async () => {
    await insertTickets(database, keysUpTo(TICKETS));
    leaked = [...(await tokensByKey(database)).values()];
  });

  const rotateAll = () =>
    rotate({
      database,
      target: TICKET_TARGET,
      settings: parseSettings({}),
      signal: new AbortController().signal,
      onEvent: () => {},
    });
  /** Gives a ticket a leaked token back. */
  const plant = (key: number) =>
    database.$executeRaw`UPDATE tickets SET token = ${leaked[key - 1]}::uuid WHERE id = ${key}`;
  const verify = async (args: string[], input?: Readable) => {
    const ended = await runRotation(['verify', ...args], url, input);
    expect(ended.stdout + ended.stderr).not.toMatch(TOKEN);
    expect(ended.stdout + ended.stderr).not.toContain(new URL(url).password);
    return ended;
  };
  const save = async (name: string, content: string | Uint8Array) => {
    await writeFile(join(folder, name), content);
    return join(folder, name);
  };

  it('says after a rotation that all is well, and ends with exit code 0', async () => {
    await rotateAll();
    const { exitCode, stdout, stderr } = await verify(['--leaked', await save('leaked.txt', leaked.join('\n'))]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    const lines = stdout.split('\n').slice(1);
    const findings = lines.filter((line) => !/ UTC \d+ % of the table scanned$/.test(line)); // on a busy machine
    expect(findings).toEqual([
      'ok       coverage: One partition covers all keys up to 500 without gap or overlap, and all are complete.',
      expect.stringMatching(/^warning {2}condemned-tokens: The 500 condemned tokens were looked up at /),
      'ok       rows: 500 rows rotated, 500 rows exist now up to key 500.',
      'ok       shape: All 500 tokens up to key 500 are version 4 UUIDs; unique index tickets_token_key rules out duplicates.',
      'ok       leaked-list: No leaked token works anymore (500 tokens looked up).',
      'verified, with warnings.',
      '',
    ]);
  });

  it('finds a leaked token that still works, ends with exit code 4, and names the row but not the token', async () => {
    await rotateAll();
    await plant(42);
    const { exitCode, stdout, stderr } = await verify(['--leaked', await save('leaked.txt', leaked.join('\n'))]);
    expect(exitCode).toBe(4);
    expect(stdout).toContain(
      'STOP     leaked-list: Leaked tokens still work, on 1 row, by key: 42 (500 tokens looked up).',
    );
    expect(stderr).toBe('rotate-tokens: not verified: see the checks marked STOP.\n');
  });

  it.each<[string, string, (tokens: string[]) => string | Uint8Array, string[]]>([
    ['a gzipped list whose name does not say so', 'leaked.bin', (tokens) => gzipSync(tokens.join('\r\n')), []],
    [
      'a gzipped CSV file with quotes',
      'leaked.csv.gz',
      (tokens) => gzipSync(['id,token', ...tokens.map((token, index) => `"${index}, or so","${token}"`)].join('\r\n')),
      [],
    ],
    [
      'an NDJSON file with another name',
      'leaked.log',
      (tokens) => tokens.map((token) => JSON.stringify({ was: token.toUpperCase() })).join('\n'),
      ['--leaked-format', 'ndjson', '--leaked-column', 'was'],
    ],
  ])('reads %s', async (_, name, write, args) => {
    const { exitCode, stdout } = await verify(['--leaked', await save(name, write(leaked)), ...args]);
    expect(exitCode).toBe(4); // nothing has been rotated yet
    expect(stdout).toContain('Leaked tokens still work, on 500 rows, by key: 1, 2, 3,');
    expect(stdout).toContain('19, 20 and 480 more (500 tokens looked up).');
  });

  it('reads what is piped in', async () => {
    await rotateAll();
    await plant(7);
    const { exitCode, stdout } = await verify(['--leaked', '-'], Readable.from([gzipSync(leaked.join('\n'))]));
    expect(exitCode).toBe(4);
    expect(stdout).toContain('by key: 7 (500 tokens looked up)');
  });

  it('prints one JSON object a line with --json, with the keys of all survivors', async () => {
    await rotateAll();
    for (const key of keysUpTo(25)) await plant(key);
    const file = await save('leaked.txt', `${leaked.join('\n')}\nhalf a token\n`);
    const { exitCode, stdout, stderr } = await verify(['--leaked', file, '--json']);
    expect({ exitCode, stderr }).toEqual({ exitCode: 4, stderr: '' });
    const events = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
      .filter(({ event }) => !['checking', 'progress'].includes(event)); // each only when a second has passed
    expect(events.every(({ rotation, time }) => rotation === 'default' && time)).toBe(true);
    expect(events.map(({ event, check, level }) => [event, check, level].filter(Boolean).join(' '))).toEqual([
      'begin',
      'finding coverage ok',
      'finding condemned-tokens warning',
      'finding rows ok',
      'finding shape ok',
      'finding leaked-list stop',
      'failed',
    ]);
    expect(events.at(-1)).toMatchObject({
      exitCode: 4,
      leaked: {
        checked: 500,
        unreadable: { count: 1, lines: [501] },
        survivors: { count: 25, keys: keysUpTo(25).map(String) },
      },
    });
  });

  it('ends the JSON with "verified" when all is well', async () => {
    await rotateAll();
    const { exitCode, stdout } = await verify(['--json']);
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '')).toMatchObject({ event: 'verified' });
  });

  it('ends with exit code 4 when the rotation is not complete', async () => {
    await rotateAll();
    await database.$executeRaw`UPDATE rotation_checkpoints SET cursor = '17', completed_at = NULL`;
    const { exitCode, stdout } = await verify([]);
    expect(exitCode).toBe(4);
    expect(stdout).toContain('STOP     coverage: The rotation is not complete: 1 of 1 partition is open');
  });

  it('ends with exit code 4 when tokens are not what a rotation writes', async () => {
    await rotateAll();
    await database.$executeRaw`UPDATE tickets SET token = '00000000-0000-0000-0000-000000000000' WHERE id = 3`;
    const { exitCode, stdout } = await verify([]);
    expect(exitCode).toBe(4);
    expect(stdout).toContain('STOP     shape: Up to key 500, 1 token of another kind than version 4 UUIDs.');
  });

  it('only warns of what does not say that a leaked token works', async () => {
    await rotateAll();
    await insertTickets(database, [0]);
    const { exitCode, stdout } = await verify([
      '--leaked',
      await save('leaked.txt', `${leaked.join('\n')}\n?\n`),
      '--allow-unreadable',
      '1',
    ]);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^warning {2}rows: 500 rows rotated, 501 rows exist now/m);
    expect(stdout).toMatch(/^warning {2}condemned-tokens: /m);
    expect(stdout).toMatch(
      /^warning {2}leaked-list: No leaked token works anymore \(.*1 line could not be read: 501\)/m,
    );
    expect(stdout).toContain('verified, with warnings.');
  });

  it('looks a list up although no rotation of that name is recorded, and says so', async () => {
    const { exitCode, stdout } = await verify(['--name', 'march', '--leaked', await save('leaked.txt', randomUUID())]);
    expect(exitCode).toBe(0);
    expect(stdout).toContain("warning  coverage: No rotation 'march' is recorded in this database");
    expect(stdout).toContain('ok       leaked-list: No leaked token works anymore (1 token looked up).');
  });

  it.each<[string, string, (tokens: string[]) => string]>([
    ['is empty', 'leaked.txt', () => '\n'],
    ['has a line that cannot be read', 'leaked.txt', (tokens) => `${tokens.join('\n')}\nhalf a tok\n`],
    ['has nothing of the form of a token', 'leaked.txt', () => 'a@example.com\nb@example.com\n'],
    [
      'is a dump in another format',
      'leaked.txt',
      (tokens) => `[\n${tokens.map((token) => `  {\n "id": 1,\n "token": "${token}"\n  }`).join(',\n')}\n]`,
    ],
  ])('is not conclusive, and ends with exit code 4, when the list %s', async (_, name, write) => {
    await rotateAll();
    const { exitCode, stdout } = await verify(['--leaked', await save(name, write(leaked))]);
    expect(exitCode).toBe(4);
    expect(stdout).toMatch(/^STOP {5}leaked-list: /m);
  });

  it('says so when no list was looked up', async () => {
    await rotateAll();
    const { exitCode, stdout } = await verify([]);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^warning {2}leaked-list: /m);
  });

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('stops on %s with exit code %i, also while it waits for input', async (signal, code) => {
    await rotateAll();
    const running = startRotation(['verify', '--leaked', '-'], url, new PassThrough());
    await running.untilPrinted('shape:');
    running.process.kill(signal);
    const { exitCode, stdout, stderr } = await running.ended;
    expect({ exitCode, stderr }).toEqual({ exitCode: code, stderr: '' });
    expect(stdout).toContain('stopped before all checks were done.');
  });

  it('refuses an unknown name, and tells the known ones', async () => {
    await rotateAll();
    const { exitCode, stderr } = await verify(['--name', 'march']);
    expect(exitCode).toBe(2);
    expect(stderr).toContain("rotate-tokens: no rotation 'march' is recorded in this database, only 'default'.");
  });

  it('refuses a CSV file without the column, naming those it has', async () => {
    const { exitCode, stderr } = await verify(['--leaked', await save('leaked.csv', `id,uuid\n1,${leaked[0]}\n`)]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain("the leaked list has no column 'token'. Choose with --leaked-column; it has id, uuid.");
  });

  it.each([
    [['--leaked', 'no-such-file'], 'the leaked list cannot be read: there is no such file.'],
    [['--leaked', '.'], 'the leaked list cannot be read: it is a folder.'],
    [['--leaked', '-', '--leaked-format', 'xml'], '--leaked-format must be "plain", "csv" or "ndjson"'],
  ])('refuses %j with exit code 2 and one line', async (args, message) => {
    const { exitCode, stderr } = await verify(args);
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/^rotate-tokens: [^\n]+\n$/);
    expect(stderr).toContain(message);
  });

  it('ends with exit code 1 when the database cannot be asked', async () => {
    const nowhere = Object.assign(new URL(url), { port: '1' }).href;
    const { exitCode, stderr } = await runRotation(['verify', '--max-retry-time-ms', '0'], nowhere);
    expect(exitCode).toBe(1);
    expect(stderr).toContain('Is PostgreSQL running');
    expect(stderr).toContain('Tried 127.0.0.1:1/');
  });
});
