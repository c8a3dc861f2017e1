import { CsvError, parse } from 'csv-parse';
import { ConfigurationError } from '../errors/errors.ts';
import { type LeakedEntry, MAX_LINE_LENGTH } from './leaked-entry.ts';
import { decoded } from './leaked-text.ts';

/** True for text that may be a token or part of one, which an error must not show. */
const LOOKS_LIKE_TOKEN = /[0-9a-f]{8}/i;

/** The form of a column's name; other text in a first line may be data. */
const LOOKS_LIKE_NAME = /^[a-z_][\w.-]{0,62}$/i;

/** The line with which Excel says what separates the columns. */
const SEPARATOR_LINE = /^"?sep=(.)"?(?:\r\n|\n|\r)/i;

/** Separators of columns: spreadsheets in much of Europe write semicolons. */
const DELIMITERS = [',', ';', '\t', '|'];

/**
 * Finds the fields of one column. The first line names the columns; where several have the name, each is read.
 *
 * @throws ConfigurationError when no column has that name, or it is no CSV
 */
export async function* csvFields(text: AsyncIterable<string>, column: string): AsyncGenerator<LeakedEntry[]> {
  let entries: LeakedEntry[] = [];
  let csv: CsvParser | undefined;
  for await (const piece of fromFirstLinesOn(text)) {
    if (csv === undefined) {
      const [separatorLine = '', separator] = SEPARATOR_LINE.exec(piece) ?? [];
      const onEntry = (entry: LeakedEntry) => entries.push(entry);
      const linesBefore = separator === undefined ? 0 : 1;
      csv = startCsvParser(separator ?? delimiterOf(piece), column, linesBefore, onEntry);
      await csv.write(piece.slice(separatorLine.length));
    } else await csv.write(piece);
    yield entries;
    entries = [];
  }
  await csv?.end();
  yield entries;
}

interface CsvParser {
  write(text: string): Promise<void>;
  end(): Promise<void>;
}

function startCsvParser(
  delimiter: string,
  column: string,
  linesBefore: number,
  onEntry: (entry: LeakedEntry) => void,
): CsvParser {
  let places: number[] | undefined;
  const parser = parse({
    delimiter,
    max_record_size: MAX_LINE_LENGTH,
    relax_column_count: true,
    relax_quotes: true,
    record_delimiter: ['\r\n', '\n', '\r'],
    skip_empty_lines: true,
    skip_records_with_empty_values: true,
    on_record: (record: string[], { lines }) => {
      if (places === undefined) places = placesOf(column, record);
      else fieldsAt(places, record, lines + linesBefore).forEach(onEntry);
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

/** A record without any is one that cannot be read. */
function fieldsAt(places: readonly number[], record: readonly string[], line: number): LeakedEntry[] {
  const fields = places.flatMap((place) => record[place] || []);
  return fields.length === 0 ? [{ line, text: undefined }] : fields.map((field) => ({ line, text: decoded(field) }));
}

/** Says where it is, but not what is there, as the library does. */
function csvFault(error: Error): Error {
  if (!(error instanceof CsvError)) return error;
  const line = Number(error.lines);
  return error.code === 'CSV_QUOTE_NOT_CLOSED' || error.code === 'CSV_MAX_RECORD_SIZE'
    ? new ConfigurationError(`the leaked list is not CSV: the record at line ${line} does not end. Is a quote missing?`)
    : new ConfigurationError(`the leaked list is not CSV: ${error.code} at line ${line}.`);
}

function placesOf(column: string, record: readonly string[]): number[] {
  const names = record.map((name) => decoded(name).trim().replace(/;$/, ''));
  const places = names.flatMap((name, place) => (name === column ? [place] : []));
  if (places.length > 0) return places;
  const named = names.filter((name) => name !== '');
  throw new ConfigurationError(
    named.every((name) => LOOKS_LIKE_NAME.test(name) && !LOOKS_LIKE_TOKEN.test(name))
      ? `the leaked list has no column '${column}'. Choose with --leaked-column; it has ${named.join(', ')}.`
      : `the first line of the leaked list does not name its columns, so '${column}' cannot be found. ` +
          'Add a header line, or use --leaked-format plain if each line is just a token.',
  );
}

/** The same text; the first piece has the first two lines in it, of which one may be that of the separator. */
async function* fromFirstLinesOn(text: AsyncIterable<string>): AsyncGenerator<string> {
  let held = '';
  let isHeld = true;
  for await (const piece of text) {
    held += piece;
    isHeld &&= !/[\r\n][^\r\n]*[\r\n]./.test(held) && held.length <= MAX_LINE_LENGTH;
    if (isHeld) continue;
    yield held;
    held = '';
  }
  if (held !== '') yield held;
}

/** The character that separates the names of the columns. */
function delimiterOf(text: string): string {
  const [head = ''] = text.replace(/^[\r\n]+/, '').split(/[\r\n]/, 1);
  const count = (delimiter: string) => head.split(delimiter).length;
  return DELIMITERS.reduce((most, delimiter) => (count(delimiter) > count(most) ? delimiter : most));
}
