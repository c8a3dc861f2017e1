import { beforeEach, describe, expect, it } from '@jest/globals';
import { createTables } from '../../../src/cli/init/create-tables.ts';
import { recorded, recordTableMigrations } from '../../../src/cli/init/record-tables-sql.ts';
import { RECORD_TABLES } from '../../../src/config/record-tables.ts';
import { useTestDatabase } from '../../support/database.ts';

describe('the tables of this package in a schema of their own', () => {
  const { database } = useTestDatabase();
  beforeEach(() => database.$executeRaw`DROP SCHEMA IF EXISTS rotate_tokens CASCADE`);
  const later = {
    name: '20270101000000_add_note',
    statements: ['ALTER TABLE rotate_tokens.rotations ADD COLUMN note text', recorded('20270101000000_add_note')],
  };

  it('are created once', async () => {
    const migrations = await recordTableMigrations();
    expect(await createTables(database, migrations)).toBe('created');
    expect(await createTables(database, migrations)).toBe('there');
    const found = await database.$queryRaw<{ name: string }[]>`
      SELECT relname AS name FROM pg_class WHERE relnamespace = 'rotate_tokens'::regnamespace AND relkind = 'r'`;
    expect(found.map(({ name }) => name).sort()).toEqual(['migrations', ...RECORD_TABLES].sort());
  });

  it('of an older version are brought up to date, and keep their rows', async () => {
    const migrations = await recordTableMigrations();
    await createTables(database, migrations);
    await database.$executeRaw`INSERT INTO rotate_tokens.rotations (name, target, token_column) VALUES ('leak', 'a', 'b')`;
    expect(await createTables(database, [...migrations, later])).toBe('upgraded');
    expect(await database.$queryRaw`SELECT name, note FROM rotate_tokens.rotations`).toEqual([
      { name: 'leak', note: null },
    ]);
    expect(await createTables(database, [...migrations, later])).toBe('there');
  });

  it('stay as they were when a step fails', async () => {
    const broken = { name: 'broken', statements: [...later.statements, 'SELECT no_such_function()'] };
    await expect(createTables(database, [...(await recordTableMigrations()), broken])).rejects.toThrow();
    expect(await database.$queryRaw`SELECT to_regclass('rotate_tokens.rotations') IS NULL AS gone`).toEqual([
      { gone: true },
    ]);
  });
});
