#!/usr/bin/env node
/**
 * Stands in for Prisma's native schema engine where that could not be downloaded.
 *
 * The Prisma CLI starts the program named in PRISMA_SCHEMA_ENGINE_BINARY (prisma.config.ts sets it) and talks
 * JSON-RPC with it, one message a line, on stdin and stdout. This one answers with the same engine compiled to
 * WebAssembly, which comes from the npm registry like everything else.
 *
 * Usage, as the CLI calls it:
 *   schema-engine.mjs [--datasource '{"url":"…"}'] [--datamodels FILE]…           serve requests until stdin closes
 *   schema-engine.mjs --datasource '{"url":"…"}' cli can-connect-to-database     exit 0, or 1 with a log line on stderr
 */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { PrismaPg } from '@prisma/adapter-pg';
import { bindMigrationAwareSqlAdapterFactory } from '@prisma/driver-adapter-utils';
import * as engineModule from '@prisma/schema-engine-wasm/schema_engine_bg';

let panicMessage = 'The schema engine stopped without saying why.';

const { values: options, positionals } = parseArgs({
  options: {
    datasource: { type: 'string' },
    datamodels: { type: 'string', multiple: true, default: [] },
    'enabled-preview-features': { type: 'string' },
    'extension-types': { type: 'string' },
  },
  allowPositionals: true,
});

process.on('uncaughtException', fail); // what the engine throws outside of its promises
if (positionals[0] === 'cli') {
  await runSubcommand(positionals[1]);
} else {
  await serve();
}

async function serve() {
  let engine;
  for await (const line of createInterface({ input: process.stdin })) {
    const { id, method, params } = JSON.parse(line);
    if (method === undefined) continue; // the CLI acknowledging a "print"
    try {
      engine ??= await startEngine();
      const result = (await call(engine, method, params)) ?? {};
      if (result.stdout) send({ id, method: 'print', params: { content: result.stdout } });
      send({ id, result });
    } catch (error) {
      send({ id, error: { code: 4466, message: 'An error happened.', data: describe(error) } });
    }
  }
  process.exit(0);
}

function send(message) {
  process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
}

async function call(engine, method, params) {
  if (typeof engine[method] !== 'function') throw new Error(`The WebAssembly schema engine has no "${method}".`);
  return engine[method](params);
}

async function runSubcommand(name) {
  try {
    if (name !== 'can-connect-to-database') {
      throw new Error(`"${name}" needs Prisma's native schema engine. Create the database by hand (createdb).`);
    }
    await startEngine(); // it connects
    process.exit(0);
  } catch (error) {
    fail(error);
  }
}

/** The CLI drops the first line of stderr and reads the others as the native engine's JSON log. */
function fail(error) {
  const { message } = describe(error);
  const fields = { message, error_code: connectionErrorCode(message) };
  process.stderr.write(`\n${JSON.stringify({ level: 'ERROR', target: 'schema_engine::logger', fields })}\n`);
  process.exit(1);
}

/** The WebAssembly build throws messages without the codes that the native engine sends, and the CLI wants one. */
function connectionErrorCode(message) {
  if (/Authentication failed/.test(message)) return 'P1000';
  return /does not exist/.test(message) ? 'P1003' : 'P1001';
}

function describe(error) {
  if (error instanceof WebAssembly.RuntimeError) return { message: panicMessage, is_panic: true };
  return { message: error instanceof Error ? error.message : String(error) };
}

async function startEngine() {
  await loadWebAssembly();
  const datamodels = await Promise.all(options.datamodels.map(async (path) => [path, await readFile(path, 'utf8')]));
  if (datamodels.length === 0) datamodels.push(['schema.prisma', 'datasource db {\n  provider = "postgresql"\n}\n']);
  const connectionString = options.datasource ? JSON.parse(options.datasource).url : undefined;
  const factory = new PrismaPg({ connectionString }, { schema: schemaOf(connectionString) });
  return engineModule.SchemaEngine.new({ datamodels }, function log() {}, bindMigrationAwareSqlAdapterFactory(factory));
}

/** `?schema=` is Prisma's own parameter: the adapter takes it as an option and does not look for it in the URL. */
function schemaOf(connectionString) {
  return connectionString ? (new URL(connectionString).searchParams.get('schema') ?? undefined) : undefined;
}

async function loadWebAssembly() {
  globalThis.PRISMA_WASM_PANIC_REGISTRY = {
    set_message(message) {
      panicMessage = message;
    },
  };
  const packageEntry = createRequire(import.meta.url).resolve('@prisma/schema-engine-wasm');
  const bytes = await readFile(join(dirname(packageEntry), 'schema_engine_bg.wasm'));
  const { instance } = await WebAssembly.instantiate(bytes, { './schema_engine_bg.js': engineModule });
  engineModule.__wbg_set_wasm(instance.exports);
  instance.exports.__wbindgen_start();
}
