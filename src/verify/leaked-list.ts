import { ConfigurationError } from '../errors.ts';
import { countOf } from '../wording.ts';
import { CANDIDATES_OF, type LeakedFormat } from './leaked-formats.ts';
import { textOf } from './leaked-text.ts';

/** How many tokens a chunk has at the most: looking them up takes a twentieth of a second. */
export const TOKENS_PER_CHUNK = 20_000;

/** What the column with the tokens is called when nothing else is said: as in the table. */
export const DEFAULT_COLUMN = 'token';

/** How many line numbers are kept. */
const MALFORMED_LINES_KEPT = 20;

/** What is a token, by the type of the column, with what exports put around one: quotes, braces, a comma, spaces. */
const TOKENS = {
  /** With or without hyphens, in any case: PostgreSQL reads all of these. */
  uuid: /^[\s"'`{(]*([0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12})[\s"'`}),;]*$/i,
  /** Not what may be several, in a list that is read in the wrong format. */
  text: /^[\s"'`]*([^\s"'`,;]{1,1024})[\s"'`,;]*$/,
};

export type LeakedType = keyof typeof TOKENS;

/** How the list is written. */
export interface LeakedListOptions {
  /** `plain`: a token a line. `csv`: with the names of the columns in the first line. `ndjson`: an object a line. */
  format: LeakedFormat;
  /** The column, or the field, with the token. Not for `plain`. @default token */
  column?: string;
  /** What the tokens are. @default uuid */
  type?: LeakedType;
}

/** A piece of a list. */
export interface LeakedChunk {
  /** Up to 20,000, as they are written. */
  tokens: string[];
  /** Of the whole list so far. */
  malformed: Malformed;
}

/** Lines that hold no token. What they do hold is told nobody: it could be half of one. */
export interface Malformed {
  count: number;
  /** The numbers of the first 20 of them, from 1. */
  lines: number[];
}

/**
 * Reads a list of leaked tokens of any length, holding a few chunks of it at a time. It may be packed with gzip, and be
 * in UTF-8 or, with a byte order mark, UTF-16. Blank lines are passed over.
 *
 * @param file its bytes
 * @returns chunks; the last one may be empty, and has the final count of malformed lines
 * @throws ConfigurationError when it cannot be read, has no such column, or holds no token in any line
 */
export async function* readLeakedList(
  file: AsyncIterable<Uint8Array>,
  { format, column = DEFAULT_COLUMN, type = 'uuid' }: LeakedListOptions,
): AsyncGenerator<LeakedChunk> {
  let tokens: string[] = [];
  let isEmpty = true;
  const malformed: Malformed = { count: 0, lines: [] };
  for await (const candidates of CANDIDATES_OF[format](textOf(file), column)) {
    for (const { line, text } of candidates) {
      const token = TOKENS[type].exec(text ?? '')?.[1];
      if (token === undefined) addMalformed(malformed, line);
      else tokens.push(token);
      if (tokens.length < TOKENS_PER_CHUNK) continue;
      yield { tokens, malformed: copyOf(malformed) };
      isEmpty = false;
      tokens = [];
    }
  }
  if (isEmpty && tokens.length === 0 && malformed.count > 0) throw new ConfigurationError(noTokenIn(malformed, format));
  yield { tokens, malformed };
}

function copyOf({ count, lines }: Malformed): Malformed {
  return { count, lines: [...lines] };
}

function addMalformed(malformed: Malformed, line: number): void {
  malformed.count += 1;
  if (malformed.lines.length < MALFORMED_LINES_KEPT) malformed.lines.push(line);
}

function noTokenIn({ count }: Malformed, format: LeakedFormat): string {
  const where = format === 'plain' ? '' : ' and --leaked-column';
  return `the leaked list has no token in ${countOf(count, 'line')}, read as ${format}. Check --leaked-format${where}.`;
}

/** What the endings of a file's name say about its format; `.gz` says nothing. */
export function formatOfName(name: string): LeakedFormat {
  const [, extension] = /\.(\w+)(?:\.gz)?$/i.exec(name) ?? [];
  return FORMAT_OF_EXTENSION[extension?.toLowerCase() ?? ''] ?? 'plain';
}

const FORMAT_OF_EXTENSION: Record<string, LeakedFormat> = { csv: 'csv', tsv: 'csv', ndjson: 'ndjson', jsonl: 'ndjson' };
