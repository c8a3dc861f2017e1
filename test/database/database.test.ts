import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { openTicketDatabase } from '../../scripts/support/ticket-database.ts';
import { faultKind } from '../../src/errors/faults.ts';
import { useTestDatabase } from '../support/database.ts';
import { PATIENT } from '../support/patient.ts';

describe('a connection', () => {
  const { url } = useTestDatabase();

  it('tells whoever looks at the server who it is, and which rotation it works for', async () => {
    const database = openTicketDatabase(url, { connections: 1, rotation: 'march:2' });
    const activity = await database.$queryRaw`
      SELECT application_name AS application, query FROM pg_stat_activity WHERE pid = pg_backend_pid()`;
    expect(activity).toEqual([
      {
        application: 'rotate-tokens',
        query: expect.stringContaining("/*application='rotate-tokens',rotation='march%3A2'*/"),
      },
    ]);
    await database.$disconnect();
  });

  it('counts as lost when the server stopped answering in the middle of it', async () => {
    const { hostname, port } = new URL(url);
    let isSilent = false;
    const network = createServer((client) => {
      const server = connect(Number(port), hostname);
      client.pipe(server).on('data', (chunk) => isSilent || client.write(chunk));
      client.on('close', () => server.destroy());
    }).listen(0);
    await once(network, 'listening');
    const throughNetwork = Object.assign(new URL(url), { port: `${(network.address() as AddressInfo).port}` }).href;
    const database = openTicketDatabase(throughNetwork, { connections: 1, silentServerMs: 300 });
    const lost = await database
      .$transaction(async (transaction) => {
        await transaction.$queryRaw`SELECT 1`;
        isSilent = true;
        const error = await transaction.$queryRaw`SELECT 2`.catch((thrown) => thrown);
        isSilent = false;
        throw error;
      }, PATIENT)
      .catch((thrown) => thrown);
    expect(faultKind(lost)).toBe('passing');
    expect(await database.$queryRaw`SELECT 3 AS answer`).toEqual([{ answer: 3 }]);
    await database.$disconnect();
    network.close();
  });
});
