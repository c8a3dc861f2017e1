/** A line, or a field of a CSV record, with what may be a token. */
export interface LeakedEntry {
  /** From 1; of a record that has several lines, the last one. */
  line: number;
  /** As it stands there; undefined when nothing can be made of it. */
  text: string | undefined;
}

/** An entry in which there is something to look up. */
export interface LeakedText extends LeakedEntry {
  text: string;
}

/**
 * Longest line or CSV record, in bytes. Without a limit, a file without line breaks, or with a quote that is never closed,
 * would be held in memory as a whole.
 */
export const MAX_LINE_LENGTH = 1_048_576;
