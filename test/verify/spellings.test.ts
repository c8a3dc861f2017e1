import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { digestIn, spellingsOf, uuidsIn } from '../../src/verify/spellings.ts';

const UUID = '0b8f7a4e-2f1c-4d53-9a57-6c1f0e6f2d11';
const DIGEST = createHash('sha256').update(UUID).digest();

describe('the spellings of an entry', () => {
  it.each(['tk_live_0123', 'a+b/c=', UUID])('are just itself where no export has added anything: %s', (text) => {
    expect(spellingsOf(text)).toEqual([text]);
  });

  it.each([
    ['of a spreadsheet', '="tk_live_0123"', 'tk_live_0123'],
    ['of SQL, with a cast', `('it''s a token'::character varying),`, `it's a token`],
    ['of a URL, with percents', 'https://shop.example/reset?token=a%2Bb%2Fcdefgh', 'a+b/cdefgh'],
    ['of COPY within quotes', '"a\\\\tb"', 'a\tb'],
  ])('include what stood there before an export wrote it in the manner %s', (_, text, before) => {
    expect(spellingsOf(text)).toContain(before);
  });

  it('are none of nothing', () => {
    expect(spellingsOf('')).toEqual([]);
  });

  it('are few, all different and none of them empty, however contrived the entry', () => {
    const spellings = spellingsOf(`${'"\\"%22'.repeat(50)}https://${'/12345678'.repeat(100)}`);
    expect(spellings.length).toBeLessThanOrEqual(32);
    expect(new Set(spellings).size).toBe(spellings.length);
    expect(spellings).not.toContain('');
  });
});

describe('the UUIDs of a spelling', () => {
  it('are several where a URL has several', () => {
    expect(uuidsIn(`https://shop.example/${UUID}/x/${UUID.replace('0', 'f').toUpperCase()}`)).toEqual([
      UUID,
      UUID.replace('0', 'f'),
    ]);
  });

  it('have a hyphen after any four digits', () => {
    expect(uuidsIn(UUID.replaceAll('-', '').replace(/(.{4})(?!$)/g, '$1-'))).toEqual([UUID]);
  });
});

describe('the hash in a spelling', () => {
  it.each([
    DIGEST.toString('hex'),
    `0x${DIGEST.toString('hex')}`,
    DIGEST.toString('base64'),
    DIGEST.toString('base64url'),
  ])('is read from %s', (spelling) => {
    expect(digestIn(spelling)).toEqual(DIGEST);
  });

  it.each([
    ['a UUID', UUID],
    ['31 bytes', DIGEST.subarray(1).toString('hex')],
    ['a text', 'a'.repeat(45)],
  ])('is not there in %s', (_, spelling) => {
    expect(digestIn(spelling)).toBeUndefined();
  });
});
