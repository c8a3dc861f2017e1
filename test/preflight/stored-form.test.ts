import { describe, expect, it } from '@jest/globals';
import type { Prisma } from '../../src/generated/prisma/client.ts';
import { base64url, custom, hex, parseSettings, sha256, type TokenKind, uuid } from '../../src/index.ts';
import { inspectDatabase } from '../../src/preflight/preflight.ts';
import { formOf } from '../../src/preflight/stored-form.ts';
import { useTestDatabase } from '../support/database.ts';
import { findingOf } from '../support/findings.ts';
import { insertTickets, keysUpTo, ticketTarget } from '../support/tickets.ts';

describe('the preflight of the form of tokens', () => {
  const { database } = useTestDatabase();

  /** What is found where the column holds what this SQL makes, with a target of that kind. */
  const inspect = async (stored: string, kind: TokenKind, scope?: Prisma.TicketWhereInput) => {
    await insertTickets(database, keysUpTo(300));
    await database.$executeRawUnsafe(`UPDATE tickets SET subject = ${stored}`);
    const target = await ticketTarget({ token: 'subject', kind, ...(scope && { scope }) });
    return findingOf(await inspectDatabase(database, target, parseSettings({})), 'stored-form');
  };
  const SHA256 = `sha256(convert_to(token::text, 'UTF8'))`;
  const own = custom({ name: 'own', bits: 128, make: () => crypto.randomUUID().toUpperCase() });

  it.each<[string, string, TokenKind, 'ok' | 'warning']>([
    ['UUIDs', 'token::text', uuid(), 'ok'],
    ['UUIDs without hyphens, where the new ones have them', `replace(token::text, '-', '')`, uuid(), 'warning'],
    ['hexadecimal hashes', `encode(${SHA256}, 'hex')`, sha256(uuid()), 'ok'],
    ['base64 hashes, where the new ones are hexadecimal', `encode(${SHA256}, 'base64')`, sha256(uuid()), 'warning'],
    ['longer tokens', `encode(${SHA256}, 'hex')`, hex({ bytes: 16 }), 'warning'],
    ['a prefix', `'tk_live_' || encode(${SHA256}, 'hex')`, hex({ bytes: 32, prefix: 'tk_live_' }), 'ok'],
    ['another prefix', `'tk_test_' || encode(${SHA256}, 'hex')`, hex({ bytes: 32, prefix: 'tk_live_' }), 'warning'],
    ['upper-case ones, as the own kind makes them', 'upper(token::text)', own, 'ok'],
    ['lower-case ones, unlike the own kind', 'token::text', own, 'warning'],
    ['no tokens yet', `''`, hex({ bytes: 16 }), 'ok'],
  ])('compares the new ones with %s', async (_, stored, kind, level) => {
    const finding = await inspect(stored, kind);
    expect(finding?.level).toBe(level);
  });

  it('looks only at rows in scope', async () => {
    const stored = `CASE WHEN id <= 150 THEN 'an old code ' || id ELSE encode(sha256(token::text::bytea), 'hex') END`;
    expect((await inspect(stored, hex({ bytes: 32 }), { id: { gt: 150 } }))?.level).toBe('ok');
    await database.ticket.deleteMany();
    expect((await inspect(stored, hex({ bytes: 32 })))?.level).toBe('warning');
  });

  it('shows nothing of a token', async () => {
    const finding = await inspect('token::text', base64url({ bytes: 32 }));
    expect(finding?.message).toBe(
      'the newest tokens in tickets.subject are 36 lower-case hexadecimal digits and hyphens; the new ones will be 43 base64url characters.',
    );
  });
});

describe('the form of tokens', () => {
  it('has a prefix only where somebody has chosen it', () => {
    expect(formOf(['tk_live_1a', 'tk_live_2bc']).prefix).toBe('tk_live_');
    expect(formOf(['0190aa', '0190bb'])).toEqual({
      prefix: '',
      shortest: 6,
      longest: 6,
      characters: 'lower-case hexadecimal digits',
    });
  });
});
