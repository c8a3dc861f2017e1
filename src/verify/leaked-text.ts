import { isUtf8 } from 'node:buffer';
import { pipeline, Readable } from 'node:stream';
import { TextDecoder } from 'node:util';
import { createGunzip } from 'node:zlib';
import { isAbort } from '../database/retry.ts';
import { ConfigurationError } from '../errors/errors.ts';

/** Beginning of a gzip file (RFC 1952, section 2.3.1). */
const GZIP = [0x1f, 0x8b];

/** The first bytes of a file in UTF-16, as Windows PowerShell writes it: a byte order mark, or half a character. */
const UTF_16: Record<string, (first: number, second: number) => boolean> = {
  'utf-16le': (first, second) => (first === 0xff && second === 0xfe) || (first !== 0 && second === 0),
  'utf-16be': (first, second) => (first === 0xfe && second === 0xff) || (first === 0 && second !== 0),
};

/** The byte order mark of UTF-8. */
const UTF_8_MARK = Buffer.from('\uFEFF').toString('latin1');

/**
 * Reads the text of a file, a piece at a time: unpacked when it is gzip, without a byte order mark. The first bytes
 * decide what it is, not its name.
 *
 * Each character of what it yields is one byte, of UTF-8 as a rule: line breaks and delimiters are found in it as they
 * are, and `decoded` decodes one line or field at a time, so that one in another encoding leaves the others alone.
 *
 * @throws ConfigurationError when it cannot be read, or is damaged gzip; AbortError when its stream was aborted
 */
export async function* textOf(file: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  try {
    yield* bytesOf(unpacked(file));
  } catch (error) {
    throw isAbort(error) ? error : cannotRead(error);
  }
}

async function* unpacked(file: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const chunks = fromFewBytesOn(file);
  try {
    const first = await chunks.next();
    if (first.done) return;
    const all = chain(first.value, chunks);
    yield* startsWith(first.value, GZIP) ? gunzip(all) : all;
  } finally {
    await chunks.return(undefined); // so that the file is closed, wherever reading has stopped
  }
}

/** The longest byte order mark, in bytes. */
const FEW_BYTES = 3;

/** The same bytes; the first chunk has three of them, unless there are fewer altogether. */
async function* fromFewBytesOn(file: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let held: Uint8Array = new Uint8Array();
  for await (const chunk of file) {
    held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    if (held.length < FEW_BYTES) continue;
    yield held;
    held = new Uint8Array();
  }
  if (held.length > 0) yield held;
}

async function* chain<Item>(first: Item, rest: AsyncIterable<Item>): AsyncGenerator<Item> {
  yield first;
  yield* rest;
}

async function* gunzip(packed: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const unpacking = createGunzip();
  // An error of the file is thrown by the reading below.
  pipeline(Readable.from(packed), unpacking, () => {});
  yield* unpacking;
}

async function* bytesOf(file: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  let toBytes: ((chunk: Uint8Array) => string) | undefined;
  for await (const chunk of fromFewBytesOn(file)) {
    const isFirst = toBytes === undefined;
    toBytes ??= converterFor(chunk);
    const bytes = toBytes(chunk);
    yield isFirst && bytes.startsWith(UTF_8_MARK) ? bytes.slice(UTF_8_MARK.length) : bytes;
  }
}

function converterFor([first = -1, second = -1]: Uint8Array): (chunk: Uint8Array) => string {
  const [encoding] = Object.entries(UTF_16).find(([, isIt]) => isIt(first, second)) ?? [];
  if (encoding === undefined || second === -1) return (chunk) => latin1(chunk);
  const decoder = new TextDecoder(encoding);
  // A character may be cut in two between chunks.
  return (chunk) => latin1(Buffer.from(decoder.decode(chunk, { stream: true })));
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}

/**
 * Decodes a line or a field of what `textOf` yields: UTF-8 where it is valid, which hardly happens by chance, else
 * Windows-1252, of which Latin-1 is a part.
 */
export function decoded(bytes: string): string {
  if (!/[\u0080-\u00ff]/.test(bytes)) return bytes;
  const buffer = Buffer.from(bytes, 'latin1');
  return isUtf8(buffer) ? buffer.toString() : new TextDecoder('windows-1252').decode(buffer);
}

function startsWith(bytes: Uint8Array, head: readonly number[]): boolean {
  return head.every((byte, index) => bytes[index] === byte);
}

const REASONS: Record<string, string> = {
  ENOENT: 'there is no such file',
  EACCES: 'this user may not read it',
  EISDIR: 'it is a folder',
};

/** @param error what the file system, or unpacking, has thrown */
export function cannotRead(error: unknown): ConfigurationError {
  const hasCode = typeof error === 'object' && error !== null && 'code' in error;
  const code = hasCode ? String(error.code) : 'unexpected error';
  const reason = code.startsWith('Z_') ? 'its gzip data is damaged, or cut off' : (REASONS[code] ?? code);
  return new ConfigurationError(`the leaked list cannot be read: ${reason}.`);
}
