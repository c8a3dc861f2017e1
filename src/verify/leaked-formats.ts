import { csvFields } from './leaked-csv.ts';
import { type LeakedEntry, MAX_LINE_LENGTH } from './leaked-entry.ts';
import { decoded } from './leaked-text.ts';
import type { LeakedFormat } from './list-format.ts';

/** Finds entries a piece of text at a time. */
type Extract = (text: AsyncIterable<string>, column: string) => AsyncGenerator<LeakedEntry[]>;

/** Readers of each format; `column` is the name of the column or the field. */
export const ENTRIES_OF: Record<LeakedFormat, Extract> = { plain: lines, csv: csvFields, ndjson: jsonFields };

/** Nothing, or what COPY writes for null and at its end. */
const BLANK = /^\s*(?:\\[N.]\s*)?$/;

/** Those that are not blank. Far faster than `node:readline`, which makes an event of each line, and a promise. */
async function* lines(text: AsyncIterable<string>): AsyncGenerator<LeakedEntry[]> {
  let line = 1;
  let rest = '';
  const numbered = (content: string): LeakedEntry => ({
    line: line++,
    text: content.length > MAX_LINE_LENGTH ? undefined : decoded(content),
  });
  const isThere = ({ text }: LeakedEntry) => text === undefined || !BLANK.test(text);
  for await (const piece of withLineFeeds(text)) {
    const [end = '', ...contents] = piece.split('\n');
    // Of a line that is too long already, no more is kept.
    contents.unshift(rest.length > MAX_LINE_LENGTH ? rest : rest + end);
    rest = contents.pop() ?? '';
    yield contents.map(numbered).filter(isThere);
  }
  yield [numbered(rest)].filter(isThere);
}

/** The same text, in which a line ends in LF, whether it ended in that, in CR LF or, as on old Macs, in CR. */
async function* withLineFeeds(text: AsyncIterable<string>): AsyncGenerator<string> {
  let held = '';
  for await (const piece of text) {
    const all = held + piece;
    // The LF that belongs to a CR may come with the next piece.
    held = all.endsWith('\r') ? '\r' : '';
    const whole = held === '' ? all : all.slice(0, -1);
    yield whole.includes('\r') ? whole.replace(/\r\n?/g, '\n') : whole;
  }
  yield held === '' ? '' : '\n';
}

async function* jsonFields(text: AsyncIterable<string>, column: string): AsyncGenerator<LeakedEntry[]> {
  for await (const objects of lines(text)) {
    yield objects.map(({ line, text }) => ({ line, text: fieldOf(text ?? '', column) }));
  }
}

function fieldOf(json: string, field: string): string | undefined {
  try {
    const value: unknown = JSON.parse(json)?.[field];
    return typeof value === 'string' && value !== '' ? value : undefined;
  } catch {
    return undefined; // its message would quote the line
  }
}
