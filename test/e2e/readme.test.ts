import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { EXIT_CODES } from '../../src/cli/exit-code.ts';
import { runRotation } from '../support/command.ts';

describe('README', () => {
  let readme: string;
  let help: string;
  beforeAll(async () => {
    readme = await readFile(join(import.meta.dirname, '..', '..', 'README.md'), 'utf8');
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

  it('shows code that the example has', async () => {
    const files = ['rotate-tokens.config.ts', 'authenticate.ts'].map((name) =>
      readFile(join(import.meta.dirname, '..', '..', 'examples', 'shop', name), 'utf8'),
    );
    const example = (await Promise.all(files)).join('\n').replaceAll(/^ {2}(?=const revoked|if \(revoked)/gm, '');
    const blocks = [...readme.matchAll(/^```ts\n([\s\S]+?)\n```$/gm)].map(([, block]) => block ?? '');
    const lines = blocks
      .flatMap((block) => block.split('\n'))
      .filter((line) => !line.endsWith("from 'rotate-tokens';"));
    expect(lines.length).toBeGreaterThan(15);
    for (const line of lines) expect(example.split('\n')).toContain(line);
  });

  it('points at files that exist', async () => {
    const links = [...readme.matchAll(/\]\((?!http)([^)#]+)\)/g)].map(([, path]) => path ?? '');
    const paths = [...readme.matchAll(/`((?:src|scripts|docs|prisma)\/[\w./-]+\.\w+)`/g)].map(([, path]) => path ?? '');
    expect(links.length + paths.length).toBeGreaterThan(5);
    for (const path of [...links, ...paths]) {
      await expect(readFile(join(import.meta.dirname, '..', '..', path))).resolves.toBeDefined();
    }
  });
});

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
  const text = help.split('Options:')[1]?.split('The database is taken')[0] ?? '';
  return [
    ...text.replaceAll(/\n {8,}/g, ' ').matchAll(/--([\w-]+) +(.+?) +\[\w+\](?: \[default: "?(.+?)"?\])?(?:\n|$)/g),
  ].map(([, option, meaning, initial]) => ({ option, meaning, initial: initial ? `\`${initial}\`` : '' }));
}

function escapeRegExp(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
