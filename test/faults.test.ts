import { describe, expect, it } from '@jest/globals';
import { describeError, type FaultKind, faultKind, OvertakenError } from '../src/index.ts';

describe('the kind of a fault', () => {
  it.each<[FaultKind, string[]]>([
    ['passing', ['57P01', '57P02', '57P03', '08006', '08003', '53300', '53100', '25006', '25P03']],
    ['contended', ['40001', '40P01', '55P03', '57014']],
    ['refused', ['23505', '23514', 'P0001']],
    ['misconfigured', ['42501', '42P01', '28P01']],
    ['unknown', ['XX000', '42601']],
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

/** What the server answered, as the driver adapter throws it, with a token where PostgreSQL would put one. */
function reported(originalCode: string): Error {
  return Object.assign(new Error('x'), { cause: { originalCode, originalMessage: 'leaked-text is in the way' } });
}
