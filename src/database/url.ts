/** What a connection URL says, as the driver reads it. */

import { Client } from 'pg';

/** Parses PostgreSQL's form of a URL; beside the standard's, it may lack a host: `postgresql://user@/database?host=/tmp`. */
function parse(url: string): URL {
  return new URL(URL.canParse(url) ? url : url.replace('@/', '@localhost/'));
}

/** The schema that Prisma's own queries use: what `?schema=` says, to the letter, or `public`. */
export function schemaOf(url: string): string {
  return parse(url).searchParams.get('schema') || 'public';
}

/** @returns the same URL for another schema */
export function withSchema(url: string, schema: string): string {
  const other = parse(url);
  other.searchParams.set('schema', schema);
  return other.href;
}

/** `host:port/database`, which may be shown: where the driver connects to, be it by `?host=`, a socket or PGHOST. */
export function databaseLabel(url: string): string {
  const { host, port, database } = new Client(url);
  return `${host.includes(':') ? `[${host}]` : host}:${port}/${database ?? ''}`;
}

/** The user that the driver connects as. */
export function userOf(url: string): string {
  return new Client(url).user ?? '';
}

/** Strict where the URL standard is lenient: a password with a bare `/` in it would otherwise pass for host and path. */
function isPostgresUrl(text: string): boolean {
  if (!/^postgres(ql)?:\/\//.test(text)) return false;
  try {
    const { pathname, hash } = parse(text);
    return /^(\/[^/@]*)?$/.test(pathname) && hash === '';
  } catch {
    return false;
  }
}

/** Files that a URL may name. */
const FILES = ['sslrootcert', 'sslcert', 'sslkey'];

/** @returns what is wrong with a connection URL, without repeating a password, or null */
export function faultOfUrl(url: string): string | null {
  if (!isPostgresUrl(url)) {
    return (
      'is not a PostgreSQL URL. It has the form postgresql://user:password@host:5432/database; ' +
      'in the password, / ? # @ : % must be percent-encoded'
    );
  }
  try {
    new Client(url);
    return null;
  } catch (error) {
    return faultOfDriver(url, error);
  }
}

function faultOfDriver(url: string, error: unknown): string {
  if (error instanceof URIError) return 'has a % that begins no escape. In user name and password, write %25 for %';
  const { searchParams } = parse(url);
  const path = typeof error === 'object' && error !== null && 'path' in error ? error.path : undefined;
  const file = FILES.find((name) => searchParams.get(name) === path);
  if (file !== undefined) return `names a file in ${file} that cannot be read. Correct its path, or leave ${file} out`;
  return 'has an option that the driver rejects. Check sslmode, sslnegotiation and uselibpqcompat';
}
