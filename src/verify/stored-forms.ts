import { hash } from 'node:crypto';
import { digestIn, spellingsOf, uuidsIn } from './spellings.ts';

/**
 * Form in which a column holds tokens: uuid or text, SHA-256 hashes of tokens as text or bytea, or what a hash function of
 * the project makes, as text or bytea.
 */
export type Storage = 'uuid' | 'text' | 'hashed text' | 'hashed bytes' | 'own text' | 'own bytes';

/** @returns true if the column holds SHA-256 hashes, which are computed here of each entry of a list */
export function holdsSha256(storage: Storage): boolean {
  return storage === 'hashed text' || storage === 'hashed bytes';
}

/** Facts about every value of a column. */
export interface Census {
  /** By the length of the values, in bytes. */
  readonly byLength: ReadonlyMap<number, { readonly hasUpper: boolean; readonly hasLower: boolean }>;
}

/** A way of writing 32 bytes as text. */
interface Encoding {
  /** Of the text, in characters. */
  readonly length: number;
  readonly encode: (digest: Buffer) => string;
}

const HASH_ENCODINGS: readonly Encoding[] = [
  { length: 64, encode: (digest) => digest.toString('hex') },
  { length: 64, encode: (digest) => digest.toString('hex').toUpperCase() },
  { length: 43, encode: (digest) => digest.toString('base64url') },
  { length: 44, encode: (digest) => `${digest.toString('base64url')}=` },
  { length: 43, encode: (digest) => digest.toString('base64').slice(0, -1) },
  { length: 44, encode: (digest) => digest.toString('base64') },
  { length: 66, encode: (digest) => `\\x${digest.toString('hex')}` },
];

const DIGEST_BYTES = 32;

/** The shortest run of hexadecimal digits whose case is taken to mean nothing. */
const HEX = /^(?:\\x)?([0-9a-f]{16,})$/i;

/**
 * Lists the values of the column that an entry of a leaked list may stand for, as PostgreSQL takes them in an array.
 *
 * @param census leaves out what no row has; null: every form
 * @returns all different; empty when the column cannot hold the entry
 */
export function storedForms(storage: Storage, entry: string, census: Census | null): string[] {
  if (storage === 'uuid') return uuidForms(entry);
  if (storage === 'own bytes') return bytesIn(entry);
  const forms = holdsSha256(storage) ? hashedForms(entry, census) : textForms(entry);
  if (storage === 'hashed bytes') return bytesOf(entry, forms, census);
  // PostgreSQL has no text with 0x00 in it, and rejects the whole statement.
  return forms.filter((form) => !form.includes('\0') && canHold(census, form));
}

/** Far the most entries are a UUID as it is. */
function uuidForms(entry: string): string[] {
  const spellings = spellingsOf(entry);
  const [only] = spellings;
  if (spellings.length === 1 && only !== undefined) return uuidsIn(only);
  return [...new Set(spellings.flatMap(uuidsIn))];
}

function textForms(entry: string): string[] {
  const spellings = spellingsOf(entry);
  const forms = new Set(spellings);
  for (const spelling of spellings) {
    for (const uuid of uuidsIn(spelling)) for (const form of uuidTexts(uuid)) forms.add(form);
    const [, digits] = HEX.exec(spelling) ?? [];
    if (digits !== undefined) forms.add(digits.toLowerCase()).add(digits.toUpperCase());
  }
  return [...forms];
}

/** Spellings of UUIDs in a column of type text. */
function uuidTexts(uuid: string): string[] {
  const digits = uuid.replaceAll('-', '');
  const upper = uuid.toUpperCase();
  return [uuid, upper, digits, digits.toUpperCase(), `{${uuid}}`, `{${upper}}`, `urn:uuid:${uuid}`];
}

/** If hashes are stored, a list may hold tokens or what leaked of them: their hashes. */
function hashedForms(entry: string, census: Census | null): string[] {
  const spellings = spellingsOf(entry);
  const encodings =
    census === null ? HASH_ENCODINGS : HASH_ENCODINGS.filter(({ length }) => census.byLength.has(length));
  // As they are, too: a column may still hold tokens that are not hashed.
  const forms = new Set(spellings);
  for (const digest of digestsOf(spellings)) for (const { encode } of encodings) forms.add(encode(digest));
  return [...forms];
}

/** The hashes that an entry is, and those of the tokens that it may be. */
function digestsOf(spellings: readonly string[]): Buffer[] {
  const tokens = new Set(spellings);
  for (const spelling of spellings) {
    for (const uuid of uuidsIn(spelling)) tokens.add(uuid);
    if (HEX.test(spelling)) tokens.add(spelling.toLowerCase());
  }
  const given = spellings.flatMap((spelling) => digestIn(spelling) ?? []);
  return [...given, ...[...tokens].map((token) => hash('sha256', token, 'buffer'))];
}

/** Bytes are the hash itself, or the characters that it is written in. */
function bytesOf(entry: string, texts: readonly string[], census: Census | null): string[] {
  const digests = digestsOf(spellingsOf(entry)).map((digest) => `\\x${digest.toString('hex')}`);
  const characters = texts
    .filter((text) => canHold(census, text))
    .map((text) => `\\x${Buffer.from(text).toString('hex')}`);
  return [...new Set(canHoldBytes(census, DIGEST_BYTES) ? [...digests, ...characters] : characters)];
}

/** Bytes as exports write them: hexadecimal digits, or Base64. */
function bytesIn(entry: string): string[] {
  const forms = spellingsOf(entry).flatMap((spelling) => {
    const [, digits] = /^(?:\\{0,2}x|0x)?((?:[0-9a-f]{2})+)$/i.exec(spelling) ?? [];
    if (digits !== undefined) return digits.toLowerCase();
    return /^[\w+/-]{8,}={0,2}$/.test(spelling) ? Buffer.from(spelling, 'base64').toString('hex') : [];
  });
  return [...new Set(forms)].map((digits) => `\\x${digits}`);
}

function canHoldBytes(census: Census | null, bytes: number): boolean {
  return census === null || census.byLength.has(bytes);
}

/** @returns true if a row may have this value, by its length and the case of its hexadecimal digits */
export function canHold(census: Census | null, value: string): boolean {
  if (census === null) return true;
  const rows = census.byLength.get(Buffer.byteLength(value));
  if (rows === undefined) return false;
  return (rows.hasUpper || !/[A-F]/.test(value)) && (rows.hasLower || !/[a-f]/.test(value));
}
