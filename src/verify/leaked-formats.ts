import { CsvError, parse } from 'csv-parse';
import { ConfigurationError } from '../errors.ts';

/** What one line, or one CSV record, offers as a token; undefined when nothing can be made of it. */
export interface Candidate {
  /** From 1; of a record that has several lines, the last one. */
  line: number;
  text: string | undefined;
}

export const LEAKED_FORMATS = ['plain', 'csv', 'ndjson'] as const;

/** How a list is written. */
export type LeakedFormat = (typeof LEAKED_FORMATS)[number];

/**
 * How long a line, or a CSV record, may be, in characters. A file without any line break, or with a quote that is never
 * closed, would otherwise have to be held in memory as a whole.
 */
export const MAX_LINE_LENGTH = 1_048_576;

/** What may be a token, or part of one: not to be shown in an error. */
const LOOKS_LIKE_TOKEN = /[0-9a-f]{8}/i;

/** What the name of a column looks like; what else is in a first line may be somebody's data. */
const LOOKS_LIKE_NAME = /^[a-z_][\w.-]{0,62}$/i;

/** Finds candidates a piece of text at a time. */
type Extract = (text: AsyncIterable<string>, column: string) => AsyncGenerator<Candidate[]>;

/** How each format offers them; `column` is the name of the column, or the field. */
export const CANDIDATES_OF: Record<LeakedFormat, Extract> = { plain: lines, csv: csvFields, ndjson: jsonFields };

/** Those that are not blank. Far faster than `node:readline`, which makes an event of each line, and a promise. */
async function* lines(text: AsyncIterable<string>): AsyncGenerator<Candidate[]> {
  let line = 1;
  let rest = '';
  const numbered = (content: string): Candidate => ({
    line: line++,
    text: content.length > MAX_LINE_LENGTH ? undefined : content.trim(),
  });
  for await (const piece of text) {
    const [end = '', ...contents] = piece.split('\n');
    // Of a line that is too long already, no more is kept.
    contents.unshift(rest.length > MAX_LINE_LENGTH ? rest : rest + end);
    rest = contents.pop() ?? '';
    yield contents.map(numbered).filter(({ text }) => text !== '');
  }
  yield [numbered(rest)].filter(({ text }) => text !== '');
}

async function* jsonFields(text: AsyncIterable<string>, column: string): AsyncGenerator<Candidate[]> {
  for await (const objects of lines(text)) {
    yield objects.map(({ line, text }) => ({ line, text: fieldOf(text ?? '', column) }));
  }
}

function fieldOf(json: string, field: string): string | undefined {
  try {
    const value: unknown = JSON.parse(json)?.[field];
    return typeof value === 'string' ? value : undefined;
  } catch {
    return undefined; // its message would quote the line
  }
}

/** The first line names the columns. */
async function* csvFields(text: AsyncIterable<string>, column: string): AsyncGenerator<Candidate[]> {
  let candidates: Candidate[] = [];
  let csv: CsvParser | undefined;
  for await (const piece of fromFirstLineOn(text)) {
    csv ??= startCsvParser(delimiterOf(piece), column, (candidate) => candidates.push(candidate));
    await csv.write(piece);
    yield candidates;
    candidates = [];
  }
  await csv?.end();
  yield candidates;
}

interface CsvParser {
  write(text: string): Promise<void>;
  end(): Promise<void>;
}

function startCsvParser(delimiter: string, column: string, onCandidate: (candidate: Candidate) => void): CsvParser {
  let place: number | undefined;
  const parser = parse({
    delimiter,
    max_record_size: MAX_LINE_LENGTH,
    relax_column_count: true,
    relax_quotes: true,
    record_delimiter: ['\r\n', '\n'],
    skip_empty_lines: true,
    skip_records_with_empty_values: true,
    on_record: (record: string[], { lines: line }) => {
      if (place === undefined) place = placeOf(column, record);
      else onCandidate({ line, text: record[place] });
      return null; // nothing is passed on to read
    },
  });
  const settled = (step: (done: (error?: Error | null) => void) => void) =>
    new Promise<void>((resolve, reject) => {
      step((error) => (error ? reject(csvFault(error)) : resolve()));
    });
  parser.on('error', () => {}); // the callback of the step has it, too
  return {
    write: (text) => settled((done) => parser.write(text, done)),
    end: () => settled((done) => parser.end(done)),
  };
}

/** Says where it is, but not what is there, as the library does. */
function csvFault(error: Error): Error {
  if (!(error instanceof CsvError)) return error;
  const line = Number(error.lines);
  return error.code === 'CSV_QUOTE_NOT_CLOSED' || error.code === 'CSV_MAX_RECORD_SIZE'
    ? new ConfigurationError(
        `the leaked list is not CSV: its record at line ${line} has no end. Is there a quote that is not closed?`,
      )
    : new ConfigurationError(`the leaked list is not CSV: ${error.code} at line ${line}.`);
}

function placeOf(column: string, names: readonly string[]): number {
  const trimmed = names.map((name) => name.trim());
  const place = trimmed.indexOf(column);
  if (place !== -1) return place;
  throw new ConfigurationError(
    trimmed.every((name) => LOOKS_LIKE_NAME.test(name) && !LOOKS_LIKE_TOKEN.test(name))
      ? `the leaked list has no column '${column}'. Choose with --leaked-column; it has ${trimmed.join(', ')}.`
      : `the first line of the leaked list does not name its columns, so '${column}' cannot be found. ` +
          'Put a line with their names before it, or use --leaked-format plain where each line is just a token.',
  );
}

/** The same text; the first piece has the whole first line in it. */
async function* fromFirstLineOn(text: AsyncIterable<string>): AsyncGenerator<string> {
  let held = '';
  let isHeld = true;
  for await (const piece of text) {
    held += piece;
    isHeld &&= !held.includes('\n') && held.length <= MAX_LINE_LENGTH;
    if (isHeld) continue;
    yield held;
    held = '';
  }
  if (held !== '') yield held;
}

/** What the names of the columns are separated by: spreadsheets in much of Europe write semicolons. */
function delimiterOf(text: string): string {
  const [head = ''] = text.split('\n', 1);
  const count = (delimiter: string) => head.split(delimiter).length;
  return [',', ';', '\t'].reduce((most, delimiter) => (count(delimiter) > count(most) ? delimiter : most));
}
