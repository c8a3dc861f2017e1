/** Formats of a list, as they are named: the command line needs no more. */

export const LEAKED_FORMATS = ['plain', 'csv', 'ndjson'] as const;

/** Format of a list. */
export type LeakedFormat = (typeof LEAKED_FORMATS)[number];

/** The column with the tokens when nothing else is said: as in the table. */
export const DEFAULT_COLUMN = 'token';

/** Format of the list. */
export interface LeakedListOptions {
  /** `plain`: a token a line. `csv`: with the names of the columns in the first line. `ndjson`: an object a line. */
  format: LeakedFormat;
  /** The column, or the field, with the token. Not for `plain`. @default token */
  column?: string;
}

/** The format that a file's name stands for; `.gz` is ignored. */
export function formatOfName(name: string): LeakedFormat {
  const [, extension] = /\.(\w+)(?:\.gz)?$/i.exec(name) ?? [];
  return FORMAT_OF_EXTENSION[extension?.toLowerCase() ?? ''] ?? 'plain';
}

const FORMAT_OF_EXTENSION: Record<string, LeakedFormat> = { csv: 'csv', tsv: 'csv', ndjson: 'ndjson', jsonl: 'ndjson' };
