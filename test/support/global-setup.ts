import { randomBytes } from 'node:crypto';
import { startEmbeddedServer } from '../../scripts/support/embedded-server.ts';
import { openTicketDatabase } from '../../scripts/support/ticket-database.ts';
import { build, prisma } from './command.ts';
import { withDatabaseName } from './url.ts';

/** Nothing here has to outlive a power cut. */
const FAST_AND_FORGETFUL = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' };

/**
 * Builds the command, starts one server for all test files, or takes the one of TEST_DATABASE_URL, and makes a database with the real
 * migrations on it, of which every test file gets a copy.
 */
export default async function setUp(): Promise<void> {
  await build();
  const given = process.env.TEST_DATABASE_URL;
  const server = given ? undefined : await startEmbeddedServer(FAST_AND_FORGETFUL);
  const serverUrl = given ?? server?.url('postgres') ?? '';
  const template = `rotate_tokens_test_${randomBytes(4).toString('hex')}`;
  const admin = openTicketDatabase(serverUrl);
  const tearDown = async () => {
    try {
      await admin.$executeRawUnsafe(`DROP DATABASE IF EXISTS ${template} WITH (FORCE)`);
    } finally {
      await admin.$disconnect();
      await server?.stop();
    }
  };
  try {
    await admin.$executeRawUnsafe(`CREATE DATABASE ${template}`);
    const { exitCode, stdout, stderr } = await prisma(['migrate', 'deploy'], withDatabaseName(serverUrl, template));
    if (exitCode !== 0) throw new Error(`prisma migrate deploy failed:\n${stdout}${stderr}`);
  } catch (error) {
    await tearDown(); // Jest calls its own only after a setup that succeeded
    throw error;
  }

  // The workers inherit the environment; the teardown runs in this process.
  process.env.TEST_SERVER_URL = serverUrl;
  process.env.TEST_TEMPLATE = template;
  globalThis.tearDownTestServer = tearDown;
}

declare global {
  var tearDownTestServer: () => Promise<void>;
}
