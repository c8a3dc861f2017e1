import { describe, expect, it } from '@jest/globals';
import { type ConnectionLimit, judgeConnections } from '../../src/preflight/connections.ts';

const ADVICE = 'Use fewer --workers, end idle sessions, or raise max_connections.';

/** A limit with so many connections free. */
const free = (connections: number, name = 'max_connections'): ConnectionLimit => ({
  name,
  most: 100,
  used: 100 - connections,
});

describe('the connections', () => {
  it('are enough where others have some left', () => {
    expect(judgeConnections([free(8)], 2)).toEqual({
      level: 'ok',
      message: '3 connections are needed, and 8 of 100 are free.',
    });
  });

  it('are scarce where others have next to none left', () => {
    expect(judgeConnections([free(7)], 2)).toEqual({
      level: 'warning',
      message:
        '3 connections are needed, and 7 of 100 are free (max_connections), which leaves 4 connections for all others.',
      advice: ADVICE,
    });
    expect(judgeConnections([free(3)], 2).message).toMatch(/which leaves 0 connections for all others\.$/);
  });

  it.each([2, 0, -3])('are too few where %d are free', (connections) => {
    expect(judgeConnections([free(connections)], 2)).toEqual({
      level: 'stop',
      message: `3 connections are needed, and ${Math.max(0, connections)} of 100 are free (max_connections).`,
      advice: ADVICE,
    });
  });

  it('are as many as the tightest of the limits leaves', () => {
    expect(judgeConnections([free(50), free(2, 'the limit of this user'), free(30)], 2)).toEqual({
      level: 'stop',
      message: '3 connections are needed, and 2 of 100 are free (the limit of this user).',
      advice: 'Use fewer --workers, end idle sessions, or raise the limit of this user.',
    });
  });
});
