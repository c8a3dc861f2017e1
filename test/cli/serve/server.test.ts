import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { giveOrder } from '../../../src/checkpoint/orders.ts';
import { readStatus } from '../../../src/checkpoint/status.ts';
import { type Served, serve } from '../../../src/cli/serve/server.ts';
import { ConfigurationError } from '../../../src/index.ts';
import { useTestDatabase } from '../../support/database.ts';
import { planTickets, storeFor } from '../../support/rotations.ts';
import { insertTickets, keysUpTo, TICKETS } from '../../support/tickets.ts';

describe('the page of the status', () => {
  const { database } = useTestDatabase();
  const stopping = new AbortController();
  let address = '';
  let token = '';
  let served: Promise<void>;
  beforeAll(async () => {
    const given: Served = {
      label: 'db:5432/<shop>',
      read: () => readStatus(database, TICKETS.records),
      give: (action, rotation, reason) =>
        giveOrder(storeFor(database, rotation), {
          action,
          pauseMs: 60_000,
          overrides: {},
          reason,
          givenBy: 'ada@web-1',
        }),
    };
    await new Promise<void>((resolve) => {
      served = serve(given, 0, stopping.signal, (plain, withToken) => {
        address = plain;
        token = withToken.slice(plain.length + 1);
        resolve();
      });
    });
  });
  afterAll(async () => {
    stopping.abort();
    await served;
    await expect(fetch(address)).rejects.toThrow();
  });

  const post = (path: string, given: string, body = 'rotation=test&reason=replica') =>
    fetch(`${address}${path}`, { method: 'POST', headers: { authorization: `Bearer ${given}` }, body });

  it('needs nothing from elsewhere, and shows names as text', async () => {
    const response = await fetch(address);
    const page = await response.text();
    expect(page).toContain('db:5432/&lt;shop&gt;');
    expect(page).not.toMatch(/(src|href)=/);
    expect(response.headers.get('content-security-policy')).toMatch(/^default-src 'none'; .* connect-src 'self'/);
  });

  it('gives the status as JSON, and as Prometheus reads it', async () => {
    await insertTickets(database, keysUpTo(30));
    await planTickets(database);
    await new Promise((resolve) => setTimeout(resolve, 1_100)); // it is read once a second
    expect(await (await fetch(`${address}status.json`)).json()).toMatchObject([
      { rotation: 'test', rowsDone: 0, rowsTotal: 30, pausedUntil: null, processes: [], orders: [] },
    ]);
    const metrics = await fetch(`${address}metrics`);
    expect(metrics.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(await metrics.text()).toContain(
      '# TYPE rotate_tokens_rows_total gauge\nrotate_tokens_rows_total{rotation="test"} 30\n',
    );
  });

  it('pauses and resumes for those who have the token, and for nobody else', async () => {
    await insertTickets(database, keysUpTo(30));
    await planTickets(database);
    for (const wrong of ['', 'guess', token.slice(1), `${token}x`]) {
      expect((await post('pause', wrong)).status).toBe(403);
    }
    expect(await database.rotationOrder.count()).toBe(0);
    const paused = await post('pause', token);
    expect(await paused.json()).toMatchObject({ action: 'pause', reason: 'replica', givenBy: 'ada@web-1' });
    expect((await post('resume', token, 'rotation=test')).status).toBe(200);
    expect((await database.rotation.findFirst())?.pausedUntil).toBeNull();
  });

  it('says what is wrong with an order', async () => {
    const response = await post('pause', token, 'rotation=other');
    expect([response.status, await response.text()]).toEqual([400, "no rotation 'other' is recorded. Check --name."]);
    expect((await post('pause', token, 'x'.repeat(20_000))).status).toBe(400);
  });

  it('answers nothing else', async () => {
    expect((await fetch(`${address}..%2fpackage.json`)).status).toBe(404);
    expect((await fetch(`${address}pause`)).status).toBe(404);
    expect((await fetch(address, { method: 'DELETE' })).status).toBe(405);
  });

  it('says when its port is taken', async () => {
    const port = Number(new URL(address).port);
    const again = serve({} as Served, port, stopping.signal, () => {});
    await expect(again).rejects.toThrow(ConfigurationError);
    await expect(again).rejects.toThrow(`--serve: port ${port} cannot be used. Choose another one.`);
  });
});
