import { describe, expect, it } from '@jest/globals';
import { EXIT_CODES, exitCodeOfError, exitCodeOfSignal, worstExitCode } from '../../src/cli/exit-code.ts';
import { ConfigurationError, HeldByAnotherProcessError, OvertakenError } from '../../src/index.ts';
import { useTestDatabase } from '../support/database.ts';

describe('the exit code', () => {
  const { database } = useTestDatabase();

  it.each([
    ['a bad option', new ConfigurationError('--name is wrong'), 2],
    ['a rotation that another process runs', new HeldByAnotherProcessError('march', []), 3],
    ['a rotation that another process took over', new OvertakenError('march', 0), 1],
    ['an error that nobody expected', new TypeError('oops'), 1],
    ['what is no error at all', undefined, 1],
  ])('of %s is told by the error', (_, error, expected) => {
    expect(exitCodeOfError(error)).toBe(expected);
  });

  it.each([
    ['is that of bad configuration when the table is missing', 'SELECT FROM nothing', 2],
    ['is that of a failure when a statement is cancelled', "DO $$ BEGIN RAISE SQLSTATE '57014'; END $$", 1],
  ])('%s', async (_, statement, expected) => {
    const error = await database.$executeRawUnsafe(statement).catch((reason: unknown) => reason);
    expect(exitCodeOfError(error)).toBe(expected);
  });

  it.each([
    ['SIGHUP', 129],
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('of %s is %d, as in a shell', (signal, expected) => {
    expect(exitCodeOfSignal(signal)).toBe(expected);
  });

  it.each([
    [[0, 0], 0],
    [[0, 3, 2], 2],
    [[2, 0, 1], 1],
    [[1, 4, 0], 4],
  ])('of several ends, %j, is that of the worst: %d', (codes, expected) => {
    expect(worstExitCode(codes)).toBe(expected);
  });

  it('is explained, whichever it is', () => {
    const explained = Object.keys(EXIT_CODES).flatMap((codes) => codes.split(', '));
    expect(explained).toEqual(['0', '1', '2', '3', '4', '129', '130', '143']);
  });
});
