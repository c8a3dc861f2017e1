import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, normalize, sep } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { runRotation } from './support/command.ts';

const SOURCE = join(import.meta.dirname, '..', 'src');

/** Each room may use those after it; files beside the rooms are named as they are. */
const ROOMS = [
  'index.ts',
  'cli',
  'report',
  'rotate',
  'verify',
  'pace',
  'plan',
  'preflight',
  'checkpoint',
  'config',
  'database',
  'errors',
  'text',
];

/** Nothing but types: everybody talks about them. */
const TYPES = ['context.ts', 'finding.ts'];

/** An import, or export, of something that is there when it runs, from a file of ours. */
const RUNTIME_IMPORT = /^(?:import|export) (?!type )(?:[^;]*? from )?'(\.[^']+)';/gm;

/** What only the command may do; all else tells its caller. */
const PRINTS_OR_EXITS = /process\.(?:stdout|stderr|exit|exitCode|argv)\b|console\./;

/** An option in a text: `--name`, but not a style's `--blue:` or `var(--blue)`. */
const OPTION = /(?<!\()--[a-z]+(?:-[a-z]+)*(?![a-z:-])/g;

describe('the rooms of src', () => {
  it('use only those below them', async () => {
    const wrong: string[] = [];
    for (const { path, text } of await sources()) {
      for (const [statement, specifier = ''] of text.matchAll(RUNTIME_IMPORT)) {
        if (isTypesOnly(statement)) continue;
        const used = normalize(join(dirname(path), specifier));
        if (placeOf(used) < placeOf(path)) wrong.push(`${path} uses ${used}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it('print nothing, and end nothing, but for the command', async () => {
    const files = (await sources()).filter(({ path }) => roomOf(path) !== 'cli');
    expect(files.length).toBeGreaterThan(50);
    expect(files.filter(({ text }) => PRINTS_OR_EXITS.test(text)).map(({ path }) => path)).toEqual([]);
  });

  it('advise no option that the command does not have', async () => {
    const help = await Promise.all([runRotation(['--help'], undefined), runRotation(['verify', '--help'], undefined)]);
    const known = new Set(help.flatMap(({ stdout }) => stdout.match(OPTION) ?? []));
    const advised = (await sources())
      .filter(({ path }) => roomOf(path) !== 'cli')
      .flatMap(({ path, text }) => (text.match(OPTION) ?? []).map((option) => ({ path, option })));
    expect(advised.length).toBeGreaterThan(20);
    expect(advised.filter(({ option }) => !known.has(option))).toEqual([]);
  });

  it('are all that there is', async () => {
    const names = (await readdir(SOURCE)).filter((name) => name !== 'generated');
    expect(names.sort()).toEqual([...ROOMS, ...TYPES].sort());
  });
});

async function sources(): Promise<{ path: string; text: string }[]> {
  const files = await readdir(SOURCE, { recursive: true });
  const paths = files.filter((path) => path.endsWith('.ts') && roomOf(path) !== 'generated');
  return Promise.all(paths.map(async (path) => ({ path, text: await readFile(join(SOURCE, path), 'utf8') })));
}

const roomOf = (path: string) => path.split(sep)[0] ?? '';

function placeOf(path: string): number {
  return TYPES.includes(path) ? ROOMS.length : ROOMS.indexOf(roomOf(path));
}

function isTypesOnly(statement: string): boolean {
  const names = /\{([^}]*)\}/.exec(statement)?.[1]?.split(',') ?? [''];
  return names
    .map((name) => name.trim())
    .every((name, index) => name.startsWith('type ') || (name === '' && index > 0));
}
