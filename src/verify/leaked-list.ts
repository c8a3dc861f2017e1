import type { LeakedText } from './leaked-entry.ts';
import { ENTRIES_OF } from './leaked-formats.ts';
import { textOf } from './leaked-text.ts';
import { DEFAULT_COLUMN, type LeakedListOptions } from './list-format.ts';

/** Largest number of entries in a chunk: looking them up takes a tenth of a second. */
export const ENTRIES_PER_CHUNK = 20_000;

/** Largest text of a chunk, in characters, so that long lines do not pile up in memory. */
const MAX_CHUNK_LENGTH = 4_000_000;

/** Number of line numbers that are kept. */
const LINES_KEPT = 20;

/** A piece of a list. */
export interface LeakedChunk {
  /** Up to 20,000 lines or fields, as they are written, with the numbers of their lines. */
  entries: LeakedText[];
  /** The numbers of lines in which nothing was found to look up: no such field, too long. */
  unreadable: number[];
}

/** A list in a file, which can be read again and again. */
export interface LeakedFile {
  /** Of its bytes, in hexadecimal digits. */
  sha256: string;
  /** Lines that may be unreadable. */
  allowUnreadable: number;
  /** Takes every line for a token, whatever its form. */
  allowsOtherForm: boolean;
  read(): AsyncGenerator<LeakedChunk>;
}

/** Lines that hold no token. Their content is never kept: it could be half of one. */
export interface UnreadableLines {
  count: number;
  /** The numbers of the first 20 of them, from 1. */
  lines: number[];
}

/**
 * Reads a list of leaked tokens of any length, holding a few chunks of it at a time. It may be packed with gzip, and be
 * in UTF-8, UTF-16 or, line by line, Windows-1252. Blank lines are skipped.
 *
 * @param file its bytes
 * @returns chunks, none of them empty
 * @throws ConfigurationError when it cannot be read, or has no such column
 */
export async function* readLeakedList(
  file: AsyncIterable<Uint8Array>,
  { format, column = DEFAULT_COLUMN }: LeakedListOptions,
): AsyncGenerator<LeakedChunk> {
  let chunk: LeakedChunk = { entries: [], unreadable: [] };
  let length = 0;
  for await (const entries of ENTRIES_OF[format](textOf(file), column)) {
    for (const { line, text } of entries) {
      if (text === undefined) chunk.unreadable.push(line);
      else chunk.entries.push({ line, text });
      length += text?.length ?? 0;
      if (sizeOf(chunk) < ENTRIES_PER_CHUNK && length < MAX_CHUNK_LENGTH) continue;
      yield chunk;
      chunk = { entries: [], unreadable: [] };
      length = 0;
    }
  }
  if (sizeOf(chunk) > 0) yield chunk;
}

function sizeOf({ entries, unreadable }: LeakedChunk): number {
  return entries.length + unreadable.length;
}

/** Counts unreadable lines, which may be reported out of order. */
export function collectUnreadable() {
  let count = 0;
  let lines: number[] = [];
  return {
    add(more: readonly number[]): void {
      if (more.length === 0) return;
      count += more.length;
      lines = [...lines, ...more].sort((a, b) => a - b).slice(0, LINES_KEPT);
    },
    result: (): UnreadableLines => ({ count, lines }),
  };
}
