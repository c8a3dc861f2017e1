import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A server that collects what is posted to it. */
export async function collectPosts() {
  const bodies: string[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    bodies.push(body);
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { bodies, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, close: () => server.close() };
}
