import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { base64url, isCondemned, parseSettings, rotate, sha256 } from '../../src/index.ts';
import { useTestDatabase } from '../support/database.ts';
import { ticketContext } from '../support/rotations.ts';
import { insertTickets, keysUpTo, ticketTarget, tokensByKey } from '../support/tickets.ts';

describe('whether a token is condemned', () => {
  const { database } = useTestDatabase();
  const run = (settings: object) => rotate(ticketContext(database, { settings: parseSettings(settings) }));

  it('is known of each token that a rotation replaced, and of no fresh one, as long as the hashes are kept', async () => {
    await insertTickets(database, keysUpTo(200));
    const leaked = [...(await tokensByKey(database)).values()];
    await run({ name: 'march', keepCondemned: true });
    const fresh = [...(await tokensByKey(database)).values()];
    for (const token of leaked.slice(0, 20)) {
      expect(await isCondemned(database, token)).toEqual({
        name: 'march',
        target: 'tickets.token by id',
        startedAt: expect.any(Date),
      });
    }
    for (const token of fresh.slice(0, 20)) expect(await isCondemned(database, token)).toBeNull();
    await database.$executeRaw`DELETE FROM condemned_tokens`;
    expect(await isCondemned(database, leaked[0] ?? '')).toBeNull();
  });

  it('is known of a token however it is written, and of nothing that is no token', async () => {
    await insertTickets(database, [1]);
    const [leaked = ''] = (await tokensByKey(database)).values();
    await run({ name: 'march', keepCondemned: true });
    expect(await isCondemned(database, leaked.toUpperCase().replaceAll('-', ''))).toMatchObject({ name: 'march' });
    for (const token of ['', 'x', "'; DROP TABLE tickets", leaked.slice(1)])
      expect(await isCondemned(database, token)).toBeNull();
  });

  it.each(['hex', 'base64', 'base64url'] as const)(
    'is known where a SHA-256 hash is stored as %s',
    async (encoding) => {
      const token = 'tk_live_0123456789abcdef';
      await insertTickets(database, [1]);
      await database.ticket.updateMany({ data: { subject: createHash('sha256').update(token).digest(encoding) } });
      const target = await ticketTarget({ token: 'subject', kind: sha256(base64url({ bytes: 24 }), { encoding }) });
      await rotate({ ...ticketContext(database, { settings: parseSettings({ keepCondemned: true }) }), target });
      expect(await isCondemned(database, token)).toMatchObject({ name: 'default' });
      expect(await isCondemned(database, `${token}0`)).toBeNull();
    },
  );

  it('is not known when the hashes went with the verification', async () => {
    await insertTickets(database, [1]);
    const [leaked = ''] = (await tokensByKey(database)).values();
    await run({ name: 'march' });
    expect(await isCondemned(database, leaked)).toBeNull();
  });

  it('names the rotation that began last, where several have condemned it', async () => {
    await insertTickets(database, [1]);
    const [leaked = ''] = (await tokensByKey(database)).values();
    await run({ name: 'march', keepCondemned: true });
    await database.$executeRaw`UPDATE tickets SET token = ${leaked}::uuid`;
    await run({ name: 'april', again: true, keepCondemned: true });
    expect(await isCondemned(database, leaked)).toMatchObject({ name: 'april' });
  });
});
