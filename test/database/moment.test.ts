import { describe, expect, it } from '@jest/globals';
import { momentOf, momentText } from '../../src/database/moment.ts';

describe('a moment', () => {
  it('is sent in UTC, without saying so', () => {
    expect(momentText(new Date('2026-03-01T12:30:00.250Z'))).toBe('2026-03-01T12:30:00.250');
  });

  it.each([
    ['2026-03-01 12:30:00', '2026-03-01T12:30:00.000Z'],
    ['2026-03-01 12:30:00.25', '2026-03-01T12:30:00.250Z'],
    ['2026-03-01 12:30:00.25+00', '2026-03-01T12:30:00.250Z'],
    ['2026-03-01 12:30:00+05:45', '2026-03-01T12:30:00.000Z'],
    ['2026-03-01 12:30:00.123456-03:30', '2026-03-01T12:30:00.123Z'],
    ['1890-03-01 12:30:00-00:01:15', '1890-03-01T12:30:00.000Z'],
    ['2026-03-01', '2026-03-01T00:00:00.000Z'],
  ])('is read from %s as Prisma reads it', (text, moment) => {
    expect(momentOf(text).toISOString()).toBe(moment);
  });
});
