import { pipeline, Readable } from 'node:stream';
import { TextDecoder } from 'node:util';
import { createGunzip } from 'node:zlib';
import { ConfigurationError } from '../errors.ts';
import { isAbort } from '../retry.ts';

/** What a gzip file begins with (RFC 1952, section 2.3.1). */
const GZIP = [0x1f, 0x8b];

/** What a text file begins with that is in UTF-16, as Windows PowerShell writes it; everything else is UTF-8. */
const BYTE_ORDER_MARKS = { 'utf-16le': [0xff, 0xfe], 'utf-16be': [0xfe, 0xff] } as const;

/**
 * The text of a file, a piece at a time: unpacked when it is gzip, decoded by its byte order mark, without the mark.
 * What it is, its first bytes say, and not its name.
 *
 * @throws ConfigurationError when it cannot be read, or is damaged gzip; AbortError when its stream was aborted
 */
export async function* textOf(file: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  try {
    yield* decoded(unpacked(file));
  } catch (error) {
    throw isAbort(error) ? error : cannotRead(error);
  }
}

async function* unpacked(file: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const chunks = fromTwoBytesOn(file);
  try {
    const first = await chunks.next();
    if (first.done) return;
    const all = chain(first.value, chunks);
    yield* startsWith(first.value, GZIP) ? gunzip(all) : all;
  } finally {
    await chunks.return(undefined); // so that the file is closed, wherever reading has stopped
  }
}

/** The same bytes; the first chunk has two of them, unless there are fewer altogether. */
async function* fromTwoBytesOn(file: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let held: Uint8Array = new Uint8Array();
  for await (const chunk of file) {
    held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    if (held.length < 2) continue;
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
  // What goes wrong on the way is thrown by the reading below.
  pipeline(Readable.from(packed), unpacking, () => {});
  yield* unpacking;
}

async function* decoded(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  let decoder: TextDecoder | undefined;
  for await (const chunk of fromTwoBytesOn(bytes)) {
    decoder ??= new TextDecoder(encodingOf(chunk));
    // A character may be cut in two between chunks.
    yield decoder.decode(chunk, { stream: true });
  }
  if (decoder) yield decoder.decode();
}

function encodingOf(head: Uint8Array): string {
  const marked = Object.entries(BYTE_ORDER_MARKS).find(([, mark]) => startsWith(head, mark));
  return marked?.[0] ?? 'utf-8';
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
