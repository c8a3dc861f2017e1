import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { generate } from 'selfsigned';
import { type EmbeddedServer, startEmbeddedServer } from '../../scripts/support/embedded-server.ts';
import { openTicketDatabase } from '../../scripts/support/ticket-database.ts';
import { meaningOf } from '../../src/errors/fault-table.ts';
import { COMMAND, prisma, runRotation, start } from '../support/command.ts';

describe('a connection to a server of its own', () => {
  let folder: string;
  let server: EmbeddedServer;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rotate-tokens-connection-'));
    server = await startEmbeddedServer({ fsync: 'off' });
    await prisma(['migrate', 'deploy'], server.url('postgres'));
  });
  afterAll(async () => {
    await server.stop();
    await rm(folder, { recursive: true });
  });

  /** @param query what the URL says of TLS */
  const urlWith = (query: Record<string, string>, hostname = 'localhost'): string => {
    const url = new URL(server.url('postgres'));
    url.hostname = hostname;
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    return url.href;
  };
  const verified = { sslmode: 'verify-full' };
  const statusOf = async (url: string) => {
    const { exitCode, stderr } = await runRotation(['status'], url);
    return { exitCode, stderr };
  };
  const refusedFor = (fault: string) => ({ exitCode: 2, stderr: expect.stringContaining(meaningOf(fault)) });

  it('is refused when the server has no TLS and the URL asks for it', async () => {
    expect(await statusOf(urlWith(verified))).toEqual(refusedFor('TlsNotOffered'));
  });

  it('names what is wrong with the certificate, and the ways out of it work', async () => {
    const { cert } = await useCertificate({ days: 1 });
    const ca = join(folder, 'ca.pem');
    await writeFile(ca, cert);
    const done = { exitCode: 0, stderr: '' };

    expect(await statusOf(urlWith(verified))).toEqual(refusedFor('TlsUntrusted'));
    expect(await statusOf(urlWith({ ...verified, sslrootcert: ca }))).toEqual(done);
    const { exitCode } = await start([COMMAND, 'status'], urlWith(verified), { NODE_EXTRA_CA_CERTS: ca }).ended;
    expect(exitCode).toBe(0);
    expect(await statusOf(urlWith({ sslmode: 'require', uselibpqcompat: 'true' }))).toEqual(done);

    expect(await statusOf(urlWith({ ...verified, sslrootcert: ca }, '127.0.0.1'))).toEqual(refusedFor('TlsWrongHost'));
    const unnamed = { sslmode: 'verify-ca', sslrootcert: ca, uselibpqcompat: 'true' };
    expect(await statusOf(urlWith(unnamed, '127.0.0.1'))).toEqual(done);
  });

  it('is refused when the certificate is out of date', async () => {
    const { cert } = await useCertificate({ days: -1 });
    const ca = join(folder, 'old.pem');
    await writeFile(ca, cert);
    expect(await statusOf(urlWith({ ...verified, sslrootcert: ca }))).toEqual(refusedFor('TlsExpired'));
  });

  it('is named as the driver makes it, not as the host of the URL', async () => {
    const { hostname, port } = new URL(server.url('postgres'));
    const { exitCode, stdout } = await runRotation(['status'], urlWith({ host: hostname }, 'elsewhere.invalid'));
    expect({ exitCode, stdout }).toEqual({
      exitCode: 0,
      stdout: `no rotation is recorded in ${hostname}:${port}/postgres yet\n`,
    });
  });

  /** Has the server show a certificate for localhost from now on. */
  async function useCertificate({ days }: { days: number }): Promise<{ cert: string }> {
    const start = Date.now() - 3 * 86_400_000;
    const { private: key, cert } = await generate([{ name: 'commonName', value: 'localhost' }], {
      notBeforeDate: new Date(start),
      notAfterDate: new Date(Date.now() + days * 86_400_000),
      extensions: [
        { name: 'basicConstraints', cA: true },
        { name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] },
      ],
    });
    const database = openTicketDatabase(server.url('postgres'), { connections: 1 });
    for (const [file, text] of Object.entries({ 'server.key': key, 'server.crt': cert })) {
      const encoded = Buffer.from(text).toString('base64');
      // The server accepts a key only if nobody else can read it, and if it is its own.
      await database.$executeRawUnsafe(`COPY (SELECT '${encoded}') TO PROGRAM 'umask 077; base64 -d > ${file}'`);
    }
    await database.$executeRaw`ALTER SYSTEM SET ssl = on`;
    await database.$executeRaw`SELECT pg_reload_conf()`;
    await database.$disconnect();
    return { cert };
  }
});
