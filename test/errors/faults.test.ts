import { describe, expect, it } from '@jest/globals';
import { type FaultKind, meaningOf } from '../../src/errors/fault-table.ts';
import { faultKind } from '../../src/errors/faults.ts';
import { describeError, OvertakenError } from '../../src/index.ts';

/** Of SQLSTATE, as listed in appendix A. */
const CLASSES =
  '00 01 02 03 08 09 0A 0B 0F 0L 0P 0Z 10 20 21 22 23 24 25 26 27 28 2B 2D 2F 34 38 39 3B 3D 3F 40 42 44 53 54 55 57 58 72 F0 HV P0 XX'.split(
    ' ',
  );

describe('the kind of a fault', () => {
  it.each<[FaultKind, string[]]>([
    ['passing', ['57P01', '57P02', '57P03', '08006', '08003', '53300', '53100', '25006', '25P03']],
    ['contended', ['40001', '40P01', '55P03', '57014']],
    ['refused', ['23505', '23514', 'P0001']],
    ['misconfigured', ['42501', '42P01', '42703', '28P01', '28000', '3D000', '08P01']],
    ['unknown', ['XX000', '42601', '42883', 'ZZ999']],
  ])('is %s where the server answers %j', (kind, sqlStates) => {
    expect(kindsOf(sqlStates, reported)).toEqual(allOf(sqlStates, kind));
  });

  it.each([
    ['Node’s', ['ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ECONNREFUSED']],
    ['Prisma’s', ['P1001', 'P1002', 'P1008', 'P1017', 'P2024', 'P2028', 'P2034']],
  ])('is passing where there is no answer, but a code of %s: %j', (_, codes) => {
    const withCode = (code: string) => Object.assign(new Error('leaked-text'), { code });
    expect(kindsOf(codes, withCode)).toEqual(allOf(codes, 'passing'));
    expect(codes.map((code) => describeError(withCode(code))).join()).not.toMatch(/leaked-text|unexpected|reported/);
  });

  it('is passing where the driver adapter has no answer, but a kind', () => {
    const kinds = ['DatabaseNotReachable', 'ConnectionClosed', 'SocketTimeout', 'ConnectionTimeout'];
    const withKind = (kind: string) => Object.assign(new Error('x'), { cause: { kind } });
    expect(kindsOf(kinds, withKind)).toEqual(allOf(kinds, 'passing'));
  });

  it.each([
    'Connection terminated',
    'Connection terminated unexpectedly',
    'Connection terminated due to connection timeout',
    'timeout exceeded when trying to connect',
    'Client has encountered a connection error and is not queryable',
  ])('is passing where node-postgres says no more than: %s', (message) => {
    expect(faultKind(new Error(message))).toBe('passing');
  });

  it.each([
    ['unsupported startup parameter: options', 'misconfigured'],
    ['unsupported startup parameter in options: statement_timeout', 'misconfigured'],
    ['no such database: shop', 'misconfigured'],
    ['query_wait_timeout', 'passing'],
    ['server conn crashed?', 'passing'],
    ['pgbouncer cannot connect to server', 'passing'],
    ['no more connections allowed (max_client_conn)', 'passing'],
  ])(
    'is decided by its words where PgBouncer, which has one code for everything, says: %s',
    (originalMessage, kind) => {
      expect(faultKind({ cause: { originalCode: '08P01', originalMessage } })).toBe(kind);
    },
  );

  it('is that of an answer that node-postgres itself was given, in afterBatch perhaps', () => {
    expect(faultKind(Object.assign(new Error('x'), { severity: 'ERROR', code: '23505' }))).toBe('refused');
  });

  it('is that of the server’s answer, whatever the layers above make of it', () => {
    const deadlock = { originalCode: '40P01', kind: 'TransactionWriteConflict' };
    const wrapped = Object.assign(new Error('x'), { code: 'P2034', meta: { driverAdapterError: { cause: deadlock } } });
    expect(faultKind(wrapped)).toBe('contended');
    expect(faultKind(new Error('the batch failed', { cause: wrapped }))).toBe('contended');
  });

  it.each([
    new TypeError('x'),
    new OvertakenError('march', 3),
    { code: 5 },
    { code: 'toString' },
    'x',
    undefined,
    null,
  ])('is unknown where nothing is said: %p', (error) => {
    expect(faultKind(error)).toBe('unknown');
  });

  const kindsOf = (codes: string[], make: (code: string) => unknown) =>
    Object.fromEntries(codes.map((code) => [code, faultKind(make(code))]));

  const allOf = (codes: string[], kind: FaultKind) => Object.fromEntries(codes.map((code) => [code, kind]));
});

describe('what a code means', () => {
  it.each(CLASSES)('is said in a sentence of its own for class %s of PostgreSQL’s manual', (sqlClass) => {
    expect(meaningOf(`${sqlClass}000`)).toMatch(/^[A-Z].*[.?]$/);
    expect(meaningOf(`${sqlClass}000`)).not.toBe(meaningOf('ZZ999'));
  });

  it('is said to be unknown for any other', () => {
    expect(meaningOf('ZZ999')).toMatch(/does not define/);
    expect(meaningOf('toString')).toBe(meaningOf('ZZ999'));
  });
});

/** What the server answered, as the driver adapter throws it, with a token where PostgreSQL would put one. */
function reported(originalCode: string): Error {
  return Object.assign(new Error('x'), { cause: { originalCode, originalMessage: 'leaked-text is in the way' } });
}
