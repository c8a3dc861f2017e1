import { describe, expect, it } from '@jest/globals';
import { parseDatabaseUrl } from '../../src/config/database-url.ts';
import { databaseLabel } from '../../src/database/url.ts';

function configurationError(message: RegExp) {
  return expect.objectContaining({ name: 'ConfigurationError', message: expect.stringMatching(message) });
}

describe('the database URL', () => {
  it.each(['postgresql://app:secret@db.internal:5432/shop', 'postgres://app:secret@db.internal/shop?schema=tickets'])(
    'is %s as it stands in the environment',
    (url) => {
      expect(parseDatabaseUrl({ DATABASE_URL: url, OTHER: 'x' })).toBe(url);
    },
  );

  it.each([{}, { DATABASE_URL: undefined }, { DATABASE_URL: '' }])(
    'is asked for when it is missing: %p',
    (environment) => {
      expect(() => parseDatabaseUrl(environment)).toThrow(configurationError(/^DATABASE_URL is not set\. .*\.env/));
    },
  );

  it.each([
    'mysql://app:secret@db/shop',
    'app:secret@db/shop',
    'db.internal secret',
    'postgresql://app:secret@db:99999/shop',
    'postgresql://app:unescaped#secret@db/shop',
  ])('is refused when it is no PostgreSQL URL, with its form but without itself: %s', (url) => {
    const parsing = () => parseDatabaseUrl({ DATABASE_URL: url });
    expect(parsing).toThrow(
      configurationError(/^DATABASE_URL is not .*postgresql:\/\/user:password@host:5432\/database/),
    );
    expect(parsing).not.toThrow(/secret/);
  });

  it.each([
    [
      'postgresql://app:50%absecret@db/shop',
      'has a % that begins no escape. In user name and password, write %25 for %',
    ],
    [
      'postgresql://app:secret@db/shop?sslmode=verify-full&sslrootcert=/nowhere/ca.pem',
      'names a file in sslrootcert that cannot be read. Correct its path, or leave sslrootcert out',
    ],
    [
      'postgresql://app:secret@db/shop?sslmode=verify-ca&uselibpqcompat=true',
      'has an option that the driver rejects. Check sslmode, sslnegotiation and uselibpqcompat',
    ],
  ])('is refused when the driver could not use it: %s', (url, fault) => {
    expect(() => parseDatabaseUrl({ DATABASE_URL: url })).toThrow(
      expect.objectContaining({ name: 'ConfigurationError', message: `DATABASE_URL ${fault}` }),
    );
  });

  it.each([
    'postgresql://app:secret@db:5432/shop',
    'postgresql://app:/secret@db:5432/shop',
    'postgresql://app:2026/secret@db:5432/shop',
  ])('never gives its password away, whether it is accepted or refused: %s', (url) => {
    expect(whatIsShownOf(url)).not.toContain('secret');
  });
});

function whatIsShownOf(url: string): string {
  try {
    return databaseLabel(parseDatabaseUrl({ DATABASE_URL: url }));
  } catch (error) {
    return String(error);
  }
}
