import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OWN_SCHEMA } from '../../config/record-tables.ts';

/** The migration that creates the tables, here as for those who let Prisma create them. */
const MIGRATION = 'prisma/migrations/20261125000000_create_rotations/migration.sql';

/** @returns the statements that create the package's own tables in a schema of their own */
export async function recordTablesSql(): Promise<string[]> {
  const migration = await readFile(pathOfMigration(), 'utf8');
  return [
    `CREATE SCHEMA IF NOT EXISTS ${OWN_SCHEMA}`,
    ...migration
      .replaceAll(/^--.*$/gm, '')
      .replaceAll(/\b(CREATE TABLE|ALTER TABLE|REFERENCES) (?=")/g, `$1 ${OWN_SCHEMA}.`)
      .split(/;\s*$/m)
      .map((statement) => statement.trim())
      .filter((statement) => statement !== ''),
  ];
}

/** Once it is built, this file is one folder deeper. */
function pathOfMigration(): string {
  const root = import.meta.filename.endsWith('.ts') ? '../../..' : '../../../..';
  return join(import.meta.dirname, root, MIGRATION);
}
