import 'dotenv/config';
import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { defineConfig } from 'prisma/config';

/**
 * Every Prisma command looks for its native schema engine and downloads it when it is missing. Where it is missing
 * (no internet but the npm registry), the WebAssembly build of the same engine takes its place.
 */
function nativeSchemaEngineIsInstalled(): boolean {
  const engines = dirname(
    createRequire(createRequire(import.meta.url).resolve('prisma/package.json')).resolve(
      '@prisma/engines/package.json',
    ),
  );
  return existsSync(engines) && readdirSync(engines).some((name) => name.startsWith('schema-engine-'));
}

if (!process.env.PRISMA_SCHEMA_ENGINE_BINARY && process.platform !== 'win32' && !nativeSchemaEngineIsInstalled()) {
  process.env.PRISMA_SCHEMA_ENGINE_BINARY = join(import.meta.dirname, 'prisma', 'schema-engine.mjs');
}

export default defineConfig({
  schema: 'prisma',
  migrations: { path: 'prisma/migrations', seed: 'node --import tsx prisma/seed.ts' },
  // Not prisma/config's env(): that throws where there is no database yet, and `prisma generate` needs none.
  datasource: { url: process.env.DATABASE_URL ?? '' },
});
