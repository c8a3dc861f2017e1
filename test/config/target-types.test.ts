import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

const ROOT = join(import.meta.dirname, '..', '..');

/** By the wrong name: a target with it, and how the compiler's complaint begins. */
const MISTAKES: Record<string, [target: string, complaint: string]> = {
  hashedKye: [
    `{ model: 'ApiKey', key: 'id', token: 'hashedKye', kind }`,
    `Type '"hashedKye"' is not assignable to type '"digest" | "hashedKey" | "id" | "oldKey" | "personId" | "plan" | "start"'. Did you mean '"hashedKey"'?`,
  ],
  start: [
    `{ model: 'ApiKey', key: 'start', token: 'hashedKey', kind }`,
    `Type '"start"' is not assignable to type '"hashedKey" | "id"'.`,
  ],
  ApiKeey: [
    `{ model: 'ApiKeey', key: 'id', token: 'hashedKey', kind }`,
    `Type '"ApiKeey"' is not assignable to type '`,
  ],
  updateAt: [
    `{ model: 'ApiKey', key: 'id', token: 'hashedKey', kind, touch: 'updateAt' }`,
    `Type '"updateAt"' is not assignable to type '"oldKeyUntil" | "rotatedAt" | "updatedAt" | "validFrom" | (`,
  ],
  persons: [
    `{ model: 'ApiKey', key: 'id', token: 'hashedKey', kind, scope: { persons: {} } }`,
    `Object literal may only specify known properties, but 'persons' does not exist in type 'ApiKeyWhereInput'. Did you mean to write 'person'?`,
  ],
  keys: [
    `{ model: 'ApiKey', keys: 'id', token: 'hashedKey', kind }`,
    `Object literal may only specify known properties, but 'keys' does not exist in type`,
  ],
};

describe('the first line of an error of the compiler', () => {
  let folder: string;
  let printed: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rotate-tokens-types-'));
    const targets = Object.values(MISTAKES).map(([target]) => `defineTargets(PrismaClient, { mine: ${target} });`);
    await writeFile(
      join(folder, 'rotate-tokens.config.ts'),
      [
        `import { defineTargets, uuid } from '${ROOT}/src/index.ts';`,
        `import { PrismaClient } from '${ROOT}/test/support/generated/prisma/client.ts';`,
        'const kind = uuid();',
        ...targets,
      ].join('\n'),
    );
    const compilerOptions = { noEmit: true, typeRoots: [join(ROOT, 'node_modules', '@types')] };
    const tsconfig = { extends: join(ROOT, 'tsconfig.json'), compilerOptions, include: [folder] };
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(tsconfig));
    const compiler = spawnSync('npx', ['tsc', '--pretty', 'false', '-p', folder], { cwd: ROOT, encoding: 'utf8' });
    printed = compiler.stdout;
  }, 120_000);
  afterAll(() => rm(folder, { recursive: true }));

  it.each(Object.entries(MISTAKES))(
    'names what is wrong, and what there is in that model alone: %s',
    (_, [, complaint]) => {
      expect(printed).toContain(`: ${complaint}`);
    },
  );
});
