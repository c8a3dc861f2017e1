import { describe, expect, it } from '@jest/globals';
import type { Target } from '../../src/config/target.ts';
import { base64url, hex, sha256, uuid } from '../../src/index.ts';
import { judgeTokenKind } from '../../src/preflight/token-kind.ts';
import { TICKETS } from '../support/tickets.ts';

const handsOut = async () => {};

describe('the preflight of the kind of token', () => {
  it.each<[string, Partial<Target>, 'app' | 'database', string, RegExp]>([
    ['UUIDs', {}, 'app', 'ok', /^tokens are of kind uuid, with 122 bits/],
    ['UUIDs that the database makes', {}, 'database', 'ok', /^tokens are of kind uuid/],
    [
      'others that the database should make',
      { kind: base64url({ bytes: 16 }) },
      'database',
      'stop',
      /^the database can only make UUIDs, but the target needs tokens of kind base64url\(16\)\.$/,
    ],
    [
      'hashes that the database should make',
      { kind: sha256(uuid()), afterBatch: handsOut },
      'database',
      'stop',
      /UUIDs/,
    ],
    ['hashes whose tokens nobody will know', { kind: sha256(uuid()) }, 'app', 'warning', /no one will know/],
    [
      'hashes whose tokens are handed out',
      { kind: sha256(uuid()), afterBatch: handsOut },
      'app',
      'ok',
      /sha256\(uuid\)/,
    ],
    ['short tokens that were insisted upon', { kind: hex({ bytes: 8 }) }, 'app', 'warning', /have 64 bits/],
  ])('judges %s', (_, more, tokens, level, message) => {
    expect(judgeTokenKind({ ...TICKETS, ...more }, tokens)).toMatchObject({
      level,
      message: expect.stringMatching(message),
    });
  });
});
