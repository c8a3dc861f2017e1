import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type DataModel, dataModelOf } from '../../config/data-model.ts';
import { parseDatabaseUrl } from '../../config/database-url.ts';
import { OWN_SCHEMA } from '../../config/record-tables.ts';
import { type ClientConstructor, type Database, openDatabase } from '../../database/database.ts';
import { quoted } from '../../database/sql.ts';
import { databaseLabel, schemaOf } from '../../database/url.ts';
import { ConfigurationError } from '../../errors/errors.ts';
import { printable } from '../../text/printable.ts';
import { countOf } from '../../text/wording.ts';
import { commandLine, PROGRAM } from '../arguments.ts';
import { exitCodeOfError } from '../exit-code.ts';
import { createTables } from '../init/create-tables.ts';
import { findClient } from '../init/find-client.ts';
import { configText, proposeTargets, type StoredModel } from '../init/propose.ts';
import { FOUNDATION, recordTableMigrations } from '../init/record-tables-sql.ts';
import { CONFIG, importFile } from '../load-config.ts';
import { sayError } from '../say-error.ts';

const USAGE = `${PROGRAM} init [options]

Prepares a project: creates the tables of this package in a schema of their own, ${OWN_SCHEMA}, which no migration of the
project needs to know, or brings those of an older version up to date, and proposes targets in ${CONFIG}.`;

/** @param args what follows `init` @returns the exit code */
export async function initCommand(args: string[]): Promise<number> {
  try {
    const options = await commandLine(args, USAGE)
      .option('client', {
        describe: "The project's generated client, such as ./generated/prisma/client.ts; default: by the Prisma schema",
        type: 'string',
        requiresArg: true,
      })
      .option('print', {
        describe: 'Print the SQL that creates the tables, for somebody who may run it, and do nothing else',
        type: 'boolean',
        default: false,
      })
      .parseAsync();
    if (options.print) process.stdout.write(`${await transaction()}\n`);
    else await prepare(options.client);
    return 0;
  } catch (error) {
    sayError(error);
    return exitCodeOfError(error);
  }
}

/** All that creates the tables, for psql. */
async function transaction(): Promise<string> {
  const statements = [...FOUNDATION, ...(await recordTableMigrations()).flatMap((each) => each.statements)];
  return ['BEGIN', ...statements, 'COMMIT'].map((statement) => `${statement};`).join('\n\n');
}

async function prepare(client: string | undefined): Promise<void> {
  const folder = process.cwd();
  const url = parseDatabaseUrl(process.env);
  const from = client ?? (await findClient(folder));
  const database = openDatabase(await importClient(folder, from), url, { connections: 1 });
  try {
    const dataModel = dataModelOf(database);
    say(await prepareTables(database, dataModel, databaseLabel(url)));
    say(await proposeConfig(folder, from, dataModel, () => readModels(database, dataModel, schemaOf(url))));
    say(`Next: ${PROGRAM} doctor`);
  } finally {
    await database.$disconnect();
  }
}

function say(text: string): void {
  process.stdout.write(`${printable(text)}\n`);
}

async function importClient(folder: string, from: string): Promise<ClientConstructor<Database>> {
  const path = from.startsWith('.') ? join(folder, from) : createRequire(join(folder, CONFIG)).resolve(from);
  const { PrismaClient } = await importFile(pathToFileURL(path).href);
  if (typeof PrismaClient === 'function') return PrismaClient as ClientConstructor<Database>;
  throw new ConfigurationError(`${from} exports no PrismaClient. Name the generated client with --client.`);
}

async function prepareTables(database: Database, { models }: DataModel, label: string): Promise<string> {
  if (models.RotationCheckpoint !== undefined) {
    return 'The Prisma schema has the models of this package, so its migrations create the tables.';
  }
  const where = `in schema ${OWN_SCHEMA} of ${label}`;
  switch (await createTables(database, await recordTableMigrations())) {
    case 'there':
      return `The tables of this package are there, ${where}.`;
    case 'created':
      return `Created the tables of this package ${where}.`;
    case 'upgraded':
      return `Brought the tables of this package up to date, ${where}.`;
  }
}

async function proposeConfig(
  folder: string,
  client: string,
  dataModel: DataModel,
  readStored: () => Promise<StoredModel[]>,
): Promise<string> {
  if (existsSync(join(folder, CONFIG))) return `${CONFIG} is there, and stays as it is.`;
  const proposals = proposeTargets(dataModel, await readStored());
  if (proposals.length === 0) {
    return `No field looks like a token, so ${CONFIG} was not written. Write it by hand (docs/targets.md of this package).`;
  }
  await writeFile(join(folder, CONFIG), configText(client, proposals), { flag: 'wx' });
  const names = proposals.map(({ model, token }) => `${model}.${token}`).join(', ');
  return `Proposed ${countOf(proposals.length, 'target')} in ${CONFIG}: ${names}. Check each of them before you rotate.`;
}

/** Reads what the catalog says of the models' tables. Views, and models that have no table yet, are left out. */
async function readModels(database: Database, { models }: DataModel, databaseSchema: string): Promise<StoredModel[]> {
  const tables = Object.entries(models).map(([model, { dbName, schema }]) => ({
    model,
    relation: [schema ?? databaseSchema, dbName ?? model].map(quoted).join('.'),
  }));
  return database.$queryRaw<StoredModel[]>`
    SELECT model,
      ARRAY(
        SELECT attname::text FROM pg_index, unnest(indkey::int2[]) WITH ORDINALITY AS key (number, place)
        JOIN pg_attribute ON attnum = key.number
        WHERE indrelid = pg_class.oid AND indisprimary AND attrelid = pg_class.oid ORDER BY place
      ) AS "primaryKey",
      ARRAY(
        SELECT attname::text FROM pg_attribute
        WHERE attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped AND atttypid = 'uuid'::regtype
      ) AS uuids
    FROM jsonb_to_recordset(${JSON.stringify(tables)}::jsonb) AS given (model text, relation text)
    JOIN pg_class ON pg_class.oid = to_regclass(given.relation)
    WHERE relkind IN ('r', 'p') ORDER BY model`;
}
