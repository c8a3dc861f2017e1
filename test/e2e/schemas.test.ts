import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { RECORD_TABLES } from '../../src/config/record-tables.ts';
import { rotationReportSchema } from '../../src/index.ts';
import { runRotation, startRotation } from '../support/command.ts';
import { useTestDatabase } from '../support/database.ts';
import { recordTokenChanges } from '../support/tickets.ts';
import { until } from '../support/until.ts';

/** More than Node lets listen to a signal before it warns of a leak. */
const TENANTS = Array.from({ length: 12 }, (_, index) => `tenant_${index + 1}`);
const ROWS = 200;

describe('npx tsx scripts/rotate-tokens.ts --schemas', () => {
  const { database, url } = useTestDatabase();

  /** Each tenant has tables of its own; changes of all of them are recorded in one. */
  beforeEach(async () => {
    await recordTokenChanges(database);
    for (const tenant of TENANTS) {
      for (const statement of [
        `DROP SCHEMA IF EXISTS ${tenant} CASCADE`,
        `CREATE SCHEMA ${tenant}`,
        ...['tickets', ...RECORD_TABLES].map(
          (table) => `CREATE TABLE ${tenant}.${table} (LIKE ${table} INCLUDING ALL)`,
        ),
        `INSERT INTO ${tenant}.tickets (id, subject, holder_email, token)
         SELECT id, 'Seat', 'a@example.com', gen_random_uuid() FROM generate_series(1, ${ROWS}) AS id`,
        `CREATE TRIGGER record_token_change AFTER UPDATE OF token ON ${tenant}.tickets
         FOR EACH ROW EXECUTE FUNCTION record_token_change()`,
      ]) {
        await database.$executeRawUnsafe(statement);
      }
    }
  });
  /** How many keys were changed how many times, in all schemas together. */
  const changes = () => database.$queryRaw<object[]>`
    SELECT times, count(*)::int AS keys FROM (SELECT count(*)::int AS times FROM token_changes GROUP BY id) AS counted
    GROUP BY times`;
  const changed = () => database.$queryRaw<object[]>`SELECT FROM token_changes LIMIT 1`;

  it('rotates the same target in each schema, killed and resumed, each row once', async () => {
    const args = ['--schemas', 'tenant_%', '--name', 'leak', '--batch-size', '50'];
    const first = startRotation([...args, '--max-rows-per-second', '200'], url);
    await until(async () => (await changed()).length > 0);
    first.process.kill('SIGKILL');
    await first.ended;
    const folder = await mkdtemp(join(tmpdir(), 'rotate-tokens-schemas-'));
    const report = join(folder, 'report.json');
    const second = await runRotation([...args, '--report', report], url);
    const { rotations, missing } = rotationReportSchema.parse(JSON.parse(await readFile(report, 'utf8')));
    await rm(folder, { recursive: true });
    expect(second).toMatchObject({ exitCode: 0, stderr: '' });
    expect(second.stdout).toMatch(/\n12 of 12 rotations are done\.\n$/);
    expect(await changes()).toEqual([{ times: TENANTS.length, keys: ROWS }]);
    const [record] = await database.$queryRaw<object[]>`SELECT name FROM tenant_3.rotations`;
    expect(record).toEqual({ name: 'leak:tenant_3' });
    expect(rotations.map(({ rotation, state }) => [rotation, state]).sort()).toEqual(
      TENANTS.map((tenant) => [`leak:${tenant}`, 'complete']).sort(),
    );
    expect(missing).toEqual([]);
  });

  it('goes on with the others when one fails, unless told otherwise', async () => {
    await database.$executeRaw`CREATE RULE frozen AS ON UPDATE TO tenant_2.tickets DO INSTEAD NOTHING`;
    const args = ['--schemas', 'tenant_1,tenant_2,tenant_3', '--json'];
    const stopped = await runRotation([...args, '--fail-fast'], url);
    expect(stopped.exitCode).toBe(2);
    expect(JSON.parse(stopped.stdout.trim().split('\n').at(-1) ?? '')).toMatchObject({
      event: 'rotations',
      of: 3,
      rotations: [
        { schema: 'tenant_1', rotation: 'default:tenant_1', exitCode: 0 },
        { schema: 'tenant_2', rotation: 'default:tenant_2', exitCode: 2 },
      ],
    });
    const ended = await runRotation(args, url);
    expect(ended.exitCode).toBe(2);
    expect(await changes()).toEqual([{ times: 2, keys: ROWS }]);
  });

  it.each([
    ['tenant_1,tenant_99', "there is no schema 'tenant_99'. Check --schemas."],
    ['customer_%', "no schema is like 'customer_%'. Check --schemas."],
  ])('refuses schemas that are not there: %s', async (schemas, message) => {
    const { exitCode, stderr } = await runRotation(['--schemas', schemas], url);
    expect({ exitCode, stderr }).toEqual({ exitCode: 2, stderr: expect.stringContaining(message) });
    expect(await changed()).toEqual([]);
  });
});
