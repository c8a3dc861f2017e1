import { randomBytes, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Order } from '../../checkpoint/orders.ts';
import type { RotationStatus } from '../../checkpoint/status.ts';
import { describeError } from '../../errors/describe-error.ts';
import { ConfigurationError } from '../../errors/errors.ts';
import { printable, printableJson } from '../../text/printable.ts';
import { METRICS_TYPE, metricsOf } from './metrics.ts';
import { pageWith } from './page.ts';

/** What the page shows, and what its buttons do. */
export interface Served {
  /** The database as it may be shown. */
  label: string;
  read(): Promise<RotationStatus[]>;
  give(action: 'pause' | 'resume', rotation: string, reason: string | null): Promise<Order>;
}

/** Nobody outside this machine reaches it. */
const HOST = '127.0.0.1';

/** Age at which a status is read again, in milliseconds, however many look. */
const FRESH_MS = 1_000;

/** Bytes of a request's body. */
const LONGEST_BODY = 10_000;

/**
 * Serves a page with the status of the rotations on this machine, until the signal is aborted.
 *
 * @param port 0: any that is free
 * @param onListening gets the page's address; with its token, which is needed to pause and resume
 * @throws ConfigurationError when the port is taken
 */
export async function serve(
  served: Served,
  port: number,
  signal: AbortSignal,
  onListening: (address: string, addressWithToken: string) => void,
): Promise<void> {
  const token = randomBytes(18).toString('base64url');
  const read = remembering(served.read);
  const server = createServer((request, response) => {
    answer(request, response, { ...served, read }, token).catch((error: unknown) => {
      end(response, error instanceof ConfigurationError ? 400 : 503, 'text/plain', printable(describeError(error)));
    });
  });
  server.listen(port, HOST);
  const listening = once(server, 'listening').catch(() => {
    throw new ConfigurationError(`--serve: port ${port} cannot be used. Choose another one.`);
  });
  await listening;
  const address = `http://${HOST}:${(server.address() as AddressInfo).port}/`;
  onListening(address, `${address}#${token}`);
  if (!signal.aborted) await once(signal, 'abort');
  server.close();
  server.closeAllConnections();
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { label, read, give }: Served,
  token: string,
): Promise<void> {
  // A page of somebody else may have had its name resolved to this machine.
  if (!isLoopback(request.headers.host)) return end(response, 403, 'text/plain', 'This page is for this machine only.');
  const { pathname } = new URL(request.url ?? '/', `http://${HOST}`);
  if (request.method === 'POST' && (pathname === '/pause' || pathname === '/resume')) {
    if (!isToken(request.headers.authorization, token)) {
      return end(response, 403, 'text/plain', 'Open the page by the address with the token, as the command prints it.');
    }
    const { rotation, reason } = await bodyOf(request);
    const order = await give(pathname === '/pause' ? 'pause' : 'resume', rotation, reason);
    return end(response, 200, 'application/json', printableJson(order));
  }
  if (request.method !== 'GET') return end(response, 405, 'text/plain', 'Not allowed.');
  if (pathname === '/status.json') return end(response, 200, 'application/json', printableJson(await read()));
  if (pathname === '/metrics') return end(response, 200, METRICS_TYPE, await metricsOf(await read()));
  if (pathname !== '/') return end(response, 404, 'text/plain', 'Not found.');
  const nonce = randomBytes(12).toString('base64url');
  response.setHeader(
    'Content-Security-Policy',
    `default-src 'none'; style-src 'unsafe-inline'; script-src 'nonce-${nonce}'; connect-src 'self'; frame-ancestors 'none'`,
  );
  end(response, 200, 'text/html; charset=utf-8', pageWith(label, nonce));
}

function end(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, {
    'Content-Type': type,
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
  });
  response.end(body);
}

function isLoopback(host: string | undefined): boolean {
  return /^(127\.0\.0\.1|localhost)(:\d+)?$/.test(host ?? '');
}

function isToken(authorization: string | undefined, token: string): boolean {
  const given = Buffer.from(authorization ?? '');
  const needed = Buffer.from(`Bearer ${token}`);
  return given.length === needed.length && timingSafeEqual(given, needed);
}

async function bodyOf(request: IncomingMessage): Promise<{ rotation: string; reason: string | null }> {
  let text = '';
  for await (const chunk of request) {
    text += chunk;
    if (text.length > LONGEST_BODY) throw new ConfigurationError('the request is too long.');
  }
  const body = new URLSearchParams(text);
  return { rotation: body.get('rotation') ?? '', reason: body.get('reason') || null };
}

/** Reads once for all who ask at about the same time. */
function remembering(read: Served['read']): Served['read'] {
  let last: { atMs: number; statuses: Promise<RotationStatus[]> } | undefined;
  return () => {
    if (last === undefined || performance.now() - last.atMs > FRESH_MS) {
      last = { atMs: performance.now(), statuses: read() };
    }
    return last.statuses;
  };
}
