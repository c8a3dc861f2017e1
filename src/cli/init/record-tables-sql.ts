import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OWN_SCHEMA } from '../../config/record-tables.ts';

/** A step from one form of the package's tables to the next. */
export interface Migration {
  name: string;
  statements: string[];
}

/** The migrations of this package, here as for those who let Prisma create the tables; later ones are added at the end. */
const MIGRATIONS = ['20261125000000_create_rotations'];

/** What comes before the first one: the schema, and a table of those that were applied. */
export const FOUNDATION = [
  `CREATE SCHEMA IF NOT EXISTS ${OWN_SCHEMA}`,
  `CREATE TABLE IF NOT EXISTS ${OWN_SCHEMA}.migrations (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())`,
];

/** @returns the migrations in order, for tables in a schema of their own; each also records that it was applied */
export function recordTableMigrations(): Promise<Migration[]> {
  return Promise.all(
    MIGRATIONS.map(async (name) => {
      const text = await readFile(join(pathOfMigrations(), name, 'migration.sql'), 'utf8');
      return { name, statements: [...statementsOf(text), recorded(name)] };
    }),
  );
}

export function recorded(name: string): string {
  return `INSERT INTO ${OWN_SCHEMA}.migrations (name) VALUES ('${name}')`;
}

function statementsOf(text: string): string[] {
  return text
    .replaceAll(/^--.*$/gm, '')
    .replaceAll(/\b(CREATE TABLE|ALTER TABLE|REFERENCES) (?=")/g, `$1 ${OWN_SCHEMA}.`)
    .split(/;\s*$/m)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '');
}

/** Once it is built, this file is one folder deeper. */
function pathOfMigrations(): string {
  const root = import.meta.filename.endsWith('.ts') ? '../../..' : '../../../..';
  return join(import.meta.dirname, root, 'prisma', 'migrations');
}
