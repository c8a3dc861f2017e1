import { afterEach, describe, expect, it } from '@jest/globals';
import { databaseLabel, schemaOf } from '../../src/database/url.ts';

describe('the label of a database', () => {
  afterEach(() => {
    delete process.env.PGHOST;
  });

  it.each([
    ['postgresql://app:secret@db.internal:6432/shop', 'db.internal:6432/shop'],
    ['postgresql://app:secret@db.internal/shop', 'db.internal:5432/shop'],
    ['postgresql://app:secret@[::1]:6432/shop', '[::1]:6432/shop'],
    ['postgresql://app:secret@localhost/shop?host=/var/run/postgresql', '/var/run/postgresql:5432/shop'],
    ['postgresql://app:secret@/shop?host=/tmp&port=6432', '/tmp:6432/shop'],
    ['postgresql://app:secret@%2Ftmp/shop', '/tmp:5432/shop'],
    ['postgresql://app:secret@old.internal/shop?host=new.internal', 'new.internal:5432/shop'],
    ['postgresql://app:secret@db/old%20shop', 'db:5432/old shop'],
  ])('names what the driver connects to: %s', (url, label) => {
    expect(databaseLabel(url)).toBe(label);
  });

  it('follows the environment where the URL names no host', () => {
    process.env.PGHOST = 'db.internal';
    expect(databaseLabel('postgresql:///shop')).toBe('db.internal:5432/shop');
  });
});

describe('the schema of a URL', () => {
  it.each([
    ['postgresql://app@db/shop', 'public'],
    ['postgresql://app@db/shop?schema=', 'public'],
    ['postgresql://app@/shop?host=/tmp&schema=Kasse', 'Kasse'],
  ])('is that of Prisma: %s', (url, schema) => {
    expect(schemaOf(url)).toBe(schema);
  });
});
