/** By name, how each adds packages, and how it runs a program of one; npx brings those that are not npm. */
export const MANAGERS = {
  npm: { add: ['npm', 'install'], run: ['npx'] },
  pnpm: packageManager('pnpm@10', 'pnpm'),
  yarn: packageManager('@yarnpkg/cli-dist@4', 'yarn'),
};

/** A project as somebody has it, with the model ApiKey, before this package is installed. */
export interface Project {
  manager: keyof typeof MANAGERS;
  /** By path; merged over those that all projects have. */
  files: Record<string, string>;
  /** The folder of the package with the configuration, and of the one with the Prisma schema; default: the project's. */
  folder?: string;
  prisma?: string;
  /** Packages beside those of Prisma. */
  packages?: string[];
  /** What `init` is told; undefined: the project has a configuration. */
  init?: string[];
}

const MODULES = '{ "name": "keys", "private": true, "type": "module" }';
const COMMONJS = '{ "name": "keys", "private": true }';

/** The form of tokens in the configurations below. */
const KEYS_CONFIG = (client: string, imports = '', kind = "base64url({ bytes: 32, prefix: 'key_' })") => `
import { ${kind.startsWith('hashed') ? 'base64url, defineTargets, hashed' : 'base64url, defineTargets'} } from 'rotate-tokens';
import { PrismaClient } from '${client}';
${imports}
export default defineTargets(PrismaClient, { apiKey: { model: 'ApiKey', key: 'id', token: 'token', kind: ${kind} } });
`;

/** A tsconfig.json with these options of the compiler. */
const compiler = (options: object) =>
  JSON.stringify({
    compilerOptions: { target: 'es2023', strict: true, noEmit: true, skipLibCheck: true, types: ['node'], ...options },
    include: ['rotate-tokens.config.ts', 'src'],
  });
const NODE_MODULES = compiler({ module: 'nodenext', allowImportingTsExtensions: true });

/** Prisma's command does not run where Yarn leaves out node_modules. */
const WITHOUT_PNP = { '.yarnrc.yml': 'nodeLinker: node-modules\n' };

const esm = { files: { 'package.json': MODULES, 'tsconfig.json': NODE_MODULES }, init: [] };

/** By form, each in the way that its documentation begins one. */
export const PROJECTS: Record<string, Project> = {
  'esm-npm': { manager: 'npm', ...esm },
  'esm-pnpm': { manager: 'pnpm', ...esm },
  'esm-yarn': { manager: 'yarn', ...esm, files: { ...esm.files, ...WITHOUT_PNP } },
  commonjs: {
    manager: 'npm',
    files: {
      'package.json': COMMONJS,
      'prisma/schema.prisma': schema('prisma-client', '../generated/prisma', 'cjs'),
      'tsconfig.json': compiler({ module: 'nodenext' }),
    },
    init: [],
  },
  nestjs: {
    manager: 'yarn',
    packages: ['@nestjs/common@11', 'reflect-metadata', 'rxjs'],
    files: {
      ...WITHOUT_PNP,
      'package.json': COMMONJS,
      'prisma/schema.prisma': schema('prisma-client', '../src/generated/prisma', 'cjs'),
      'tsconfig.json': compiler({ module: 'nodenext', experimentalDecorators: true, emitDecoratorMetadata: true }),
      'src/key-hasher.service.ts': `
import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';

@Injectable()
export class KeyHasher {
  hash(key: string): string {
    return createHash('sha512').update(key).digest('hex');
  }
}
`,
      'rotate-tokens.config.ts': KEYS_CONFIG(
        './src/generated/prisma/client',
        "import { KeyHasher } from './src/key-hasher.service';\n\nconst hasher = new KeyHasher();\n",
        "hashed(base64url({ bytes: 32 }), { name: 'sha512', hash: (key) => hasher.hash(key) })",
      ),
    },
  },
  monorepo: {
    manager: 'pnpm',
    folder: 'apps/api',
    prisma: 'packages/database',
    files: {
      'package.json': '{ "name": "shop", "private": true }',
      'pnpm-workspace.yaml': 'packages:\n  - apps/*\n  - packages/*\n',
      'packages/database/package.json': `{
  "name": "@shop/database", "private": true, "type": "module", "exports": "./src/index.ts",
  "dependencies": { "@prisma/client": "^7.10.0", "prisma": "^7.10.0" }
}`,
      'packages/database/src/index.ts': "export * from '../generated/prisma/client.ts';\n",
      'apps/api/package.json': `{
  "name": "@shop/api", "private": true, "type": "module", "dependencies": { "@shop/database": "workspace:*" }
}`,
      'apps/api/tsconfig.json': NODE_MODULES,
    },
    init: ['--client', '@shop/database'],
  },
  'path-aliases': {
    manager: 'npm',
    files: {
      'package.json': MODULES,
      'prisma/schema.prisma': schema('prisma-client', '../src/generated/prisma'),
      'tsconfig.json': compiler({
        module: 'preserve',
        moduleResolution: 'bundler',
        allowImportingTsExtensions: true,
        paths: { '@/*': ['./src/*'] },
      }),
      'src/key-length.ts': 'export const KEY_LENGTH = 32;\n',
      'rotate-tokens.config.ts': KEYS_CONFIG(
        '@/generated/prisma/client',
        "import { KEY_LENGTH } from '@/key-length';\n",
        'base64url({ bytes: KEY_LENGTH })',
      ),
    },
  },
  'prisma-client-js': {
    manager: 'npm',
    files: {
      'package.json': COMMONJS,
      'prisma/schema.prisma': schema('prisma-client-js'),
      'tsconfig.json': compiler({ module: 'commonjs', moduleResolution: 'node10' }),
    },
    init: [],
  },
};

/** What all projects have; of a monorepo, in the folder of its schema. */
export const PRISMA_FILES = {
  'prisma.config.ts': `
import { defineConfig } from 'prisma/config';

export default defineConfig({ schema: 'prisma/schema.prisma', datasource: { url: process.env.DATABASE_URL ?? '' } });
`,
  'prisma/schema.prisma': schema('prisma-client', '../generated/prisma'),
  'prisma/migrations/1_keys/migration.sql':
    'CREATE TABLE "ApiKey" (id serial PRIMARY KEY, token text NOT NULL UNIQUE);\n',
};

function packageManager(name: string, program: string): { add: string[]; run: string[] } {
  const command = ['npx', '--yes', '--package', name, '--', program];
  return { add: [...command, 'add'], run: [...command, 'exec'] };
}

function schema(generator: string, output?: string, moduleFormat?: string): string {
  const options = Object.entries({ provider: generator, output, moduleFormat });
  return `
generator client {
${options.flatMap(([name, value]) => (value === undefined ? [] : `  ${name} = "${value}"`)).join('\n')}
}

datasource db {
  provider = "postgresql"
}

model ApiKey {
  id    Int    @id @default(autoincrement())
  token String @unique
}
`;
}
