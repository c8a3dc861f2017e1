import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { dataModelOf } from '../../src/config/data-model.ts';
import { resolveTarget } from '../../src/config/resolve-target.ts';
import type { Target } from '../../src/config/target.ts';
import { parseSettings, sha256, uuid } from '../../src/index.ts';
import { readLeakedList } from '../../src/verify/leaked-list.ts';
import { storedForms } from '../../src/verify/stored-forms.ts';
import { findSurvivors } from '../../src/verify/survivors.ts';
import { useTestDatabase } from '../support/database.ts';
import { insertTickets, keysUpTo, TICKETS, ticketTarget } from '../support/tickets.ts';

const UUID = randomUUID();
const HEX = randomBytes(16).toString('hex');
const DIGEST = createHash('sha256').update(UUID).digest();
const JWT = `${randomBytes(900).toString('base64url')}.${randomBytes(900).toString('base64url')}`;

/** How exports and people write a UUID. */
const SPELLINGS: [string, string][] = [
  ['as it is', UUID],
  ['in capitals', UUID.toUpperCase()],
  ['without hyphens', UUID.replaceAll('-', '')],
  ['in braces', `{${UUID}}`],
  ['as a URN', `urn:uuid:${UUID}`],
  ['in quotes', `"${UUID}"`],
  ['in single quotes, with a comma, as in SQL', `  '${UUID}',`],
  ['within a URL', `https://shop.example/tickets/${UUID}?from=mail`],
  ['between spaces and tabs', ` \t${UUID}\t `],
  ['after a zero-width space', `\u200b${UUID}`],
];

describe('an entry of a leaked list', () => {
  it.each(SPELLINGS)('stands for the UUID that it is, %s', (_, written) => {
    expect(storedForms('uuid', written, null)).toEqual([UUID]);
    expect(storedForms('text', written, null)).toEqual(expect.arrayContaining([UUID, UUID.toUpperCase()]));
  });

  it.each([
    ['half a token', UUID.slice(0, 20)],
    ['a token and more', `${UUID}0`],
    ['hyphens elsewhere', `${UUID.slice(0, 3)}-${UUID.slice(3)}`],
    ['no hexadecimal digits', UUID.replace(/^./, 'g')],
    ['something else', 'Zoë’s ticket 🎫'],
  ])('stands for no UUID when it is %s', (_, written) => {
    expect(storedForms('uuid', written, null)).toEqual([]);
  });

  it.each([
    ['hexadecimal digits in capitals', HEX.toUpperCase(), HEX],
    ['a JWT of more than 1,024 characters', JWT, JWT],
    ['a text with a quote, a comma and a space', `a'b, c d`, `a'b, c d`],
    ['the same with the backslashes of COPY', 'a\\\\b', 'a\\b'],
    ['a text as a JSON string', '"a\\u00e9\\"b"', 'aé"b'],
    ['a text in the other normal form', 'e\u0301', '\u00e9'],
  ])('stands for the text that it is: %s', (_, written, stored) => {
    expect(storedForms('text', written, null)).toContain(stored);
  });

  it('stands for no text with 0x00 in it, which PostgreSQL cannot hold', () => {
    expect(storedForms('text', 'a\0b', null).filter((form) => form.includes('\0'))).toEqual([]);
  });

  it.each([
    ['the token', UUID],
    ['its hash as hexadecimal digits', DIGEST.toString('hex')],
    ['those in capitals', DIGEST.toString('hex').toUpperCase()],
    ['its hash in Base64', DIGEST.toString('base64')],
    ['its hash in base64url', DIGEST.toString('base64url')],
    ['its hash as PostgreSQL writes bytea', `\\x${DIGEST.toString('hex')}`],
    ['the same as COPY writes it', `\\\\x${DIGEST.toString('hex')}`],
  ])('stands for a hash, however the column holds it, when it is %s', (_, written) => {
    const texts = storedForms('hashed text', written, null);
    for (const encoding of ['hex', 'base64', 'base64url'] as const) expect(texts).toContain(DIGEST.toString(encoding));
    expect(storedForms('hashed bytes', written, null)).toContain(`\\x${DIGEST.toString('hex')}`);
  });
});

describe('a column that holds tokens in a form of its own', () => {
  const { database } = useTestDatabase();
  const textTarget = (kind: Target['kind']): Target =>
    resolveTarget({ model: 'Ticket', key: 'id', token: 'subject', kind }, dataModelOf(database));
  const lookUp = (target: Target, lines: readonly string[]) => {
    const file = (async function* () {
      yield Buffer.from(lines.join('\n'));
    })();
    const signal = new AbortController().signal;
    const context = { database, target, settings: parseSettings({}), signal, onEvent: () => {} };
    return findSurvivors(context, readLeakedList(file, { format: 'plain' }));
  };

  it.each([
    ['UUIDs in capitals', 'upper(token::text)', uuid()],
    ['UUIDs without hyphens', `replace(token::text, '-', '')`, uuid()],
    ['hashes in hexadecimal digits', `encode(sha256(token::text::bytea), 'hex')`, sha256(uuid())],
    ['hashes in capitals', `upper(encode(sha256(token::text::bytea), 'hex'))`, sha256(uuid())],
    ['hashes in Base64', `encode(sha256(token::text::bytea), 'base64')`, sha256(uuid())],
    [
      'hashes in base64url',
      `translate(rtrim(encode(sha256(token::text::bytea), 'base64'), '='), '+/', '-_')`,
      sha256(uuid()),
    ],
  ])('is found to hold a leaked token: %s', async (_, stored, kind) => {
    await insertTickets(database, keysUpTo(30));
    await database.$executeRawUnsafe(`UPDATE tickets SET subject = ${stored}`);
    const [ticket] = await database.ticket.findMany({ where: { id: 7 } });
    const found = await lookUp(textTarget(kind), [randomUUID(), ticket?.token ?? '']);
    expect(found).toMatchObject({ checked: 2, survivors: { count: 1, keys: ['7'] } });
  });

  it('takes nothing of a list of another column for a token', async () => {
    await insertTickets(database, keysUpTo(100));
    await database.$executeRaw`UPDATE tickets SET subject = 'tk_live_' || replace(token::text, '-', '')`;
    const addresses = keysUpTo(500).map((key) => `holder-${key}@example.com`);
    const found = await lookUp(textTarget(uuid()), addresses);
    expect(found).toMatchObject({ checked: 0, unreadable: { count: 500 }, survivors: { count: 0 } });
    expect(await lookUp(TICKETS, addresses)).toMatchObject({ checked: 0, unreadable: { count: 500 } });
  });

  it('tells rows that are out of scope apart', async () => {
    await insertTickets(database, keysUpTo(30));
    const tickets = await database.ticket.findMany({ where: { id: { in: [7, 20] } } });
    const target = await ticketTarget({ scope: { id: { lte: 10 } } });
    const found = await lookUp(
      target,
      tickets.map(({ token }) => token),
    );
    expect(found).toMatchObject({ survivors: { keys: ['7'] }, outOfScope: { keys: ['20'] } });
  });
});
