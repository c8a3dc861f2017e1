import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { EXIT_CODES } from '../../src/cli/exit-code.ts';
import { runRotation } from '../support/command.ts';

const ROOT = join(import.meta.dirname, '..', '..');

describe('README', () => {
  let readme: string;
  let help: string;
  beforeAll(async () => {
    readme = await read('README.md');
    help = (await runRotation(['--help'], undefined)).stdout;
  });

  it('lists the same options as --help, in the same words and with the same defaults', () => {
    const documented = rowsOf(readme, 'Options').map(([option, meaning, initial]) =>
      [option, meaning, initial].join(' '),
    );
    const offered = optionsOf(help).map(({ option, meaning, initial }) =>
      [`\`--${option}\``, meaning, initial].join(' '),
    );
    expect(documented.sort()).toEqual(offered.sort());
  });

  it('lists the same exit codes as --help', () => {
    const codes = Object.entries(EXIT_CODES);
    expect(Object.fromEntries(rowsOf(readme, 'Exit codes'))).toEqual(Object.fromEntries(codes));
    for (const [code, meaning] of codes) expect(help).toMatch(new RegExp(`  ${code} +${escapeRegExp(meaning)}`));
  });
});

describe('what a reader of the documents finds', () => {
  it('as code is in this project or the example', async () => {
    const files = [
      'rotate-tokens.config.ts',
      ...['rotate-tokens.config.ts', 'authenticate.ts', 'outbox.ts', 'notify.ts'].map(
        (name) => `examples/shop/${name}`,
      ),
    ].map(read);
    const example = (await Promise.all(files)).join('\n').split('\n').map(withoutIndent);
    const pages = (await documents()).filter(({ path }) => !path.startsWith('docs/alternatives/')); // others' code
    const blocks = pages.flatMap(({ text }) => [...text.matchAll(/^ *```ts\n([\s\S]+?)\n *```$/gm)]);
    const lines = blocks
      .flatMap(([, block = '']) => block.split('\n').map(withoutIndent))
      .filter((line) => !line.endsWith("from 'rotate-tokens';"));
    expect(lines.length).toBeGreaterThan(25);
    for (const line of lines) expect(example).toContain(line);
  });

  it('as links and paths leads to files', async () => {
    const missing: string[] = [];
    for (const { path, text } of await documents()) {
      const links = [...text.matchAll(/\]\((?!http)([^)#]+)(?:#[\w-]+)?\)/g)].map(([, link = '']) =>
        join(dirname(path), link),
      );
      const paths = [...text.matchAll(/`((?:src|scripts|docs|prisma|test)\/[\w./-]+\.\w+)`/g)].map(
        ([, each = '']) => each,
      );
      for (const file of [...links, ...paths]) if (!existsSync(join(ROOT, file))) missing.push(`${path}: ${file}`);
    }
    expect(missing).toEqual([]);
  });

  it('as commands of npm are scripts of the package', async () => {
    const { scripts } = JSON.parse(await read('package.json'));
    const named = (await documents())
      .flatMap(({ text }) => [...text.matchAll(/npm run ([\w-]+)/g)])
      .map(([, name]) => name);
    expect(named.length).toBeGreaterThan(5);
    for (const name of named) expect(Object.keys(scripts)).toContain(name);
  });
});

const withoutIndent = (line: string) => line.trimStart();

function read(path: string): Promise<string> {
  return readFile(join(ROOT, path), 'utf8');
}

/** Every page. */
async function documents(): Promise<{ path: string; text: string }[]> {
  const pages = (await readdir(join(ROOT, 'docs'), { recursive: true }))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`);
  const paths = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', ...pages];
  return Promise.all(paths.map(async (path) => ({ path, text: await read(path) })));
}

/** The cells of the table below a heading, without its head. */
function rowsOf(markdown: string, heading: string): string[][] {
  const section = markdown.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  const lines = section
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .slice(1);
  return lines.map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

function optionsOf(help: string) {
  const text = help.split('\nOptions:')[1]?.split('The database is taken')[0] ?? '';
  return [
    ...text.replaceAll(/\n {8,}/g, ' ').matchAll(/--([\w-]+) +(.+?) +\[\w+\](?: \[default: "?(.+?)"?\])?(?:\n|$)/g),
  ].map(([, option, meaning, initial]) => ({ option, meaning, initial: initial ? `\`${initial}\`` : '' }));
}

function escapeRegExp(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
