/**
 * The ways in which exports write a value: PostgreSQL's own output, COPY, SQL, JSON, CSV, spreadsheets and URLs. Pure.
 */

import { hyphenated } from '../config/token-kinds.ts';

/** Spellings looked at for each entry of a list: bounds the work that a contrived line can cause. */
const MAX_SPELLINGS = 32;

/** Nothing that any export adds, escapes or encodes. Most tokens look like this, and have one spelling. */
const PLAIN = /^[\w.~+/=-]*$/;

/** The shortest piece of a URL that is looked up, in characters: shorter ones are words of the path. */
const SHORTEST_URL_PART = 8;

/** Undoes one thing that an export does; returns what it is given where there is nothing to undo. */
type Step = (text: string) => string | string[];

const STEPS: readonly Step[] = [
  (text) => text.trim(),
  (text) => text.replace(INVISIBLE, ''),
  (text) => text.replace(/^[\s"'`{([<“”‘’«»]+|[\s"'`})\]>,;“”‘’«»]+$/g, ''),
  (text) => (isAscii(text) ? text : [text.normalize('NFC'), text.normalize('NFD')]),
  (text) => /^\s*"(.*)"[\s,;]*$/s.exec(text)?.[1]?.replaceAll('""', '"') ?? text,
  (text) => /^\s*\(?E?'(.*)'(?:::[\w "[\]]+)?[\s,;)]*$/is.exec(text)?.[1]?.replaceAll("''", "'") ?? text,
  (text) => /^\s*="(.*)"\s*$/s.exec(text)?.[1] ?? text,
  (text) => (text.includes('\\') ? [fromCopy(text), fromJson(text)] : text),
  (text) => (/%[0-9a-f]{2}/i.test(text) ? fromPercent(text) : text),
  (text) => (/^\s*[\w+.-]+:\/\//.test(text) ? urlParts(text) : text),
];

/** Invisible characters, and 0x00, which PostgreSQL does not store: soft hyphens, zero-width characters, byte order marks. */
const INVISIBLE = /[\0\u00ad\u200b-\u200f\u2060\ufeff]/g;

/**
 * Lists every text that an entry may stand for: as it is, and with what an export may have added undone, in any order.
 *
 * @returns up to 32, all different, the entry itself first; never an empty one
 */
export function spellingsOf(text: string): string[] {
  if (PLAIN.test(text)) return text === '' ? [] : [text];
  const spellings = new Set([text]);
  // The set grows while it is iterated, so that each spelling goes through all steps, too.
  for (const spelling of spellings) {
    for (const found of STEPS.flatMap((step) => step(spelling))) {
      if (found !== '' && spellings.size < MAX_SPELLINGS) spellings.add(found);
    }
  }
  return [...spellings];
}

function isAscii(text: string): boolean {
  return !/[\u0080-\uffff]/.test(text);
}

const COPY_ESCAPES: Record<string, string> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v', '\\': '\\' };

/** Undoes the backslashes of COPY (text format). */
function fromCopy(text: string): string {
  return text.replace(/\\([bfnrtv\\])/g, (_, letter: string) => COPY_ESCAPES[letter] ?? letter);
}

/** Undoes the backslashes of a JSON string, with or without its quotes. */
function fromJson(text: string): string {
  const inner = text.trim().replace(/^"|"[\s,;]*$/g, '');
  try {
    return String(JSON.parse(`"${inner}"`));
  } catch {
    return text; // the error would quote it
  }
}

function fromPercent(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function urlParts(url: string): string[] {
  return url
    .trim()
    .split(/[/?&=#]/)
    .filter((part) => part.length >= SHORTEST_URL_PART);
}

/** As PostgreSQL reads a UUID: a hyphen after any group of four digits, braces; and as URNs (RFC 9562, section 4). */
const UUID = /^(?:urn:uuid:)?\{?((?:[0-9a-f]{4}-?){7}[0-9a-f]{4})\}?$/i;

/** One inside something longer, such as a URL; no digit may come before or after it. */
const UUID_WITHIN = /(?<![0-9a-z])[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}(?![0-9a-z])/gi;

/** The UUIDs that a spelling stands for, in PostgreSQL's output form: several where a URL has several. */
export function uuidsIn(spelling: string): string[] {
  const [, whole] = UUID.exec(spelling) ?? [];
  if (whole !== undefined) return [asPostgres(whole)];
  return spelling.includes('://') ? (spelling.match(UUID_WITHIN) ?? []).map(asPostgres) : [];
}

function asPostgres(uuid: string): string {
  // The usual spelling is checked first: a million of them are looked up.
  if (uuid.length === 36 && uuid[8] === '-' && uuid[13] === '-' && uuid[18] === '-' && uuid[23] === '-') {
    return uuid.toLowerCase();
  }
  return hyphenated(uuid.replaceAll('-', '').toLowerCase());
}

/** A SHA-256 hash as hexadecimal digits: bare, or as PostgreSQL writes bytea, also with the backslash of COPY. */
const HEX_DIGEST = /^(?:\\{0,2}[x]|0x)?([0-9a-f]{64})$/i;

/** A SHA-256 hash in Base64 (RFC 4648, sections 4 and 5), padded or not. */
const BASE64_DIGEST = /^[\w+/-]{43}=?$/;

/** The SHA-256 hash that a spelling stands for; undefined when it is none. */
export function digestIn(spelling: string): Buffer | undefined {
  const [, digits] = HEX_DIGEST.exec(spelling) ?? [];
  if (digits !== undefined) return Buffer.from(digits, 'hex');
  // Node decodes both alphabets. The unused bits of the last character must be zero, or the text is no encoding.
  return BASE64_DIGEST.test(spelling) ? Buffer.from(spelling, 'base64') : undefined;
}
