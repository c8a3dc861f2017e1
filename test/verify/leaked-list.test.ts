import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { addAbortSignal, Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { ConfigurationError, formatOfName, type LeakedListOptions, readLeakedList } from '../../src/index.ts';
import { MAX_LINE_LENGTH } from '../../src/verify/leaked-formats.ts';

/** Reads a whole list; its chunks put together. */
async function read(file: AsyncIterable<Uint8Array>, options: LeakedListOptions) {
  const all = { tokens: [] as string[], malformed: { count: 0, lines: [] as number[] }, chunks: 0 };
  for await (const { tokens, malformed } of readLeakedList(file, options)) {
    all.tokens.push(...tokens);
    all.malformed = malformed;
    all.chunks += 1;
  }
  return all;
}

/** The same of a file with this content, in one piece. */
function readText(text: string | Uint8Array, options: LeakedListOptions) {
  return read(Readable.from([Buffer.from(text)], { objectMode: true }), options);
}

const PLAIN = { format: 'plain' } as const;
const CSV = { format: 'csv' } as const;
const NDJSON = { format: 'ndjson' } as const;
const NONE = { count: 0, lines: [] };
const [A, B, C] = [randomUUID(), randomUUID(), randomUUID()];

describe('a plain list of leaked tokens', () => {
  it.each([
    ['one a line', `${A}\n${B}\n${C}\n`],
    ['without a line break at the end', `${A}\n${B}\n${C}`],
    ['with the line breaks of Windows', `${A}\r\n${B}\r\n${C}\r\n`],
    ['with blank lines', `\n${A}\n\n  \n${B}\n\r\n${C}\n\n`],
    ['with a byte order mark', `\uFEFF${A}\n${B}\n${C}\n`],
    ['in UTF-16', Buffer.from(`\uFEFF${A}\r\n${B}\r\n${C}\r\n`, 'utf16le')],
    ['in UTF-16, the other way round', Buffer.from(`\uFEFF${A}\r\n${B}\r\n${C}\r\n`, 'utf16le').swap16()],
    ['gzipped', gzipSync(`${A}\n${B}\n${C}\n`)],
    ['gzipped in pieces', Buffer.concat([gzipSync(`${A}\n${B.slice(0, 5)}`), gzipSync(`${B.slice(5)}\n${C}\n`)])],
  ])('is read %s', async (_, content) => {
    const expected = { tokens: [A, B, C], malformed: NONE };
    expect(await readText(content, PLAIN)).toMatchObject(expected);
    const byteByByte = Readable.from(cut(Buffer.from(content), [1]));
    expect(await read(byteByByte, PLAIN)).toMatchObject(expected);
  });

  it.each([
    ['with hyphens', A, A],
    ['without hyphens', A.replaceAll('-', ''), A.replaceAll('-', '')],
    ['in capitals', A.toUpperCase(), A.toUpperCase()],
    ['in quotes', `"${A}"`, A],
    ['in single quotes, with a comma, as in SQL', `  '${A}',`, A],
    ['in braces', `{${A}}`, A],
    ['between spaces and tabs', ` \t${A}\t `, A],
  ])('is read with tokens %s', async (_, line, token) => {
    expect(await readText(`${line}\n`, PLAIN)).toMatchObject({ tokens: [token], malformed: NONE });
  });

  it.each([
    ['half a token', A.slice(0, 20)],
    ['a token and more', `${A}0`],
    ['two tokens', `${A} ${B}`],
    ['hyphens elsewhere', `${A.slice(0, 3)}-${A.slice(3)}`],
    ['no hexadecimal digits', A.replace(/^./, 'g')],
    ['something else', 'Zoë’s ticket 🎫'],
  ])('counts a line with %s as malformed', async (_, line) => {
    expect(await readText(`${A}\n\n${line}\n${B}\n`, PLAIN)).toMatchObject({
      tokens: [A, B],
      malformed: { count: 1, lines: [3] },
    });
  });

  it('counts all malformed lines, keeps the numbers of the first 20, and nothing of what is in them', async () => {
    const lines = Array.from({ length: 50 }, (_, index) => (index % 2 === 0 ? A : `${A}${index}`));
    const { malformed } = await readText(lines.join('\n'), PLAIN);
    expect(malformed).toEqual({ count: 25, lines: Array.from({ length: 20 }, (_, index) => 2 * index + 2) });
  });

  it('comes in chunks of 20,000', async () => {
    const tokens = Array.from({ length: 40_001 }, () => randomUUID());
    const sizes = [];
    for await (const chunk of readLeakedList(Readable.from([Buffer.from(tokens.join('\n'))]), PLAIN)) {
      sizes.push(chunk.tokens.length);
    }
    expect(sizes).toEqual([20_000, 20_000, 1]);
  });

  it('may be empty', async () => {
    for (const content of ['', '\n', '\uFEFF', gzipSync('')]) {
      expect(await readText(content, PLAIN)).toEqual({ tokens: [], malformed: NONE, chunks: 1 });
    }
  });

  it('is refused when no line has a token in it', async () => {
    const reading = readText(`id,token\n1,${A}\n2,${B}\n`, PLAIN);
    await expect(reading).rejects.toThrow(ConfigurationError);
    await expect(reading).rejects.toThrow(
      'the leaked list has no token in 3 lines, read as plain. Check --leaked-format.',
    );
  });

  it('passes over a line that is too long, without holding it in memory', async () => {
    const mebibyte = Buffer.alloc(1_048_576, 'x');
    const heldBefore = process.memoryUsage().rss;
    let peak = 0;
    const file = (async function* () {
      yield Buffer.from(`${A}\n`);
      for (let count = 0; count < 500; count += 1) {
        yield mebibyte;
        peak = Math.max(peak, process.memoryUsage().rss);
      }
      yield Buffer.from(`\n${B}\n`);
    })();
    expect(await read(file, PLAIN)).toMatchObject({ tokens: [A, B], malformed: { count: 1, lines: [2] } });
    expect(peak - heldBefore).toBeLessThan(400_000_000);
  });

  it('takes a blank line for malformed when it is too long to be read to its end', async () => {
    const blank = ' '.repeat(MAX_LINE_LENGTH + 1);
    const pieces = [Buffer.from(blank), Buffer.from(`${A}\n${B}`)];
    expect(await read(Readable.from(pieces), PLAIN)).toMatchObject({ tokens: [B], malformed: { lines: [1] } });
  });
});

describe('a CSV file with leaked tokens', () => {
  it('is read by the name of the column, whatever is quoted', async () => {
    const csv = `id,holder,token\n1,"Smith, ""Bob""",${A}\n2,"two\nlines","${B}"\n\n3,,${C}\n`;
    expect(await readText(csv, CSV)).toMatchObject({ tokens: [A, B, C], malformed: NONE });
  });

  it('is read by another column than token', async () => {
    const csv = `token,"old token"\n${A},${B}\n`;
    expect(await readText(csv, { ...CSV, column: 'old token' })).toMatchObject({ tokens: [B] });
  });

  it.each([
    ['semicolons', ';'],
    ['tabs', '\t'],
  ])('may be separated by %s', async (_, delimiter) => {
    const csv = `id${delimiter}token\n1${delimiter}${A}\n`;
    expect(await readText(csv, CSV)).toMatchObject({ tokens: [A], malformed: NONE });
  });

  it('may have a byte order mark and the line breaks of Windows', async () => {
    expect(await readText(`\uFEFFtoken,id\r\n${A},1\r\n"${B}",2\r\n`, CSV)).toMatchObject({ tokens: [A, B] });
  });

  it('has records that are malformed: with another thing for a token, nothing, or too few cells', async () => {
    const csv = `id,token,holder\n1,${A},x\n2,leaked,x\n3,,x\n4\n5,${B},x,more\n`;
    expect(await readText(csv, CSV)).toMatchObject({ tokens: [A, B], malformed: { count: 3, lines: [3, 4, 5] } });
  });

  it('is refused without that column, naming those that it has', async () => {
    const reading = readText(`id,uuid,created_at\n1,${A},2026\n`, CSV);
    await expect(reading).rejects.toThrow(ConfigurationError);
    await expect(reading).rejects.toThrow(
      "the leaked list has no column 'token'. Choose with --leaked-column; it has id, uuid, created_at.",
    );
  });

  it.each([
    ['a token', `1,${A},x`],
    ['half a token', `1,${A.slice(0, 13)},x`],
    ['an address', 'one,zoe@example.com'],
    ['a name', 'one,Zoë Smith'],
  ])('is refused without naming its columns when what stands there is %s', async (_, line) => {
    const error = await readText(`${line}\n2,${B},x\n`, CSV).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ConfigurationError);
    expect(String(error)).toContain('the first line of the leaked list does not name its columns');
    for (const cell of line.split(',')) expect(String(error).split(' ')).not.toContain(cell);
    expect(String(error)).not.toMatch(/[0-9a-f]{8}/);
  });

  it('is refused where a quote is not closed', async () => {
    const reading = readText(`id,token\n1,${A}\n2,"${B}\n3,${C}\n`, CSV);
    await expect(reading).rejects.toThrow(ConfigurationError);
    await expect(reading).rejects.toThrow(/^the leaked list is not CSV: its record at line \d+ has no end/);
  });

  it('is not read to its end where a quote is not closed for far too long', async () => {
    let piecesRead = 0;
    const file = (async function* () {
      yield Buffer.from(`id,token\n1,"${A}\n`);
      for (; piecesRead < 1_000; piecesRead += 1) yield Buffer.from(`2,${B}\n`.repeat(1_000));
    })();
    await expect(read(file, CSV)).rejects.toThrow('has no end');
    expect(piecesRead * 1_000 * B.length).toBeLessThan(2 * MAX_LINE_LENGTH);
  });

  it('may have nothing but the names of its columns', async () => {
    expect(await readText('id,token\n', CSV)).toMatchObject({ tokens: [], malformed: NONE });
  });
});

describe('an NDJSON file with leaked tokens', () => {
  it('is read by the name of the field', async () => {
    const ndjson = `{"id":1,"token":"${A}"}\r\n\n{"token":"${B}","nested":{"token":"${C}"}}\n`;
    expect(await readText(ndjson, NDJSON)).toMatchObject({ tokens: [A, B], malformed: NONE });
    expect(await readText(`{"uuid":"${C}"}`, { ...NDJSON, column: 'uuid' })).toMatchObject({ tokens: [C] });
  });

  it('has lines that are malformed: no JSON, no object, without the field, or with another thing in it', async () => {
    const others = [
      `{"token":"${B}"`,
      '[1]',
      'null',
      '"x"',
      '{"id":1}',
      '{"token":7}',
      '{"token":""}',
      '{"token":null}',
    ];
    expect(await readText([`{"token":"${A}"}`, ...others].join('\n'), NDJSON)).toMatchObject({
      tokens: [A],
      malformed: { count: others.length, lines: others.map((_, index) => index + 2) },
    });
  });
});

describe('a leaked list', () => {
  it.each([
    ['tokens.csv', 'csv'],
    ['tokens.tsv', 'csv'],
    ['/dumps/2026.11/TOKENS.CSV.GZ', 'csv'],
    ['tokens.ndjson', 'ndjson'],
    ['tokens.jsonl.gz', 'ndjson'],
    ['tokens.txt', 'plain'],
    ['tokens', 'plain'],
    ['tokens.gz', 'plain'],
    ['csv', 'plain'],
    ['-', 'plain'],
  ])('in %s is taken for %s', (name, format) => expect(formatOfName(name)).toBe(format));

  it.each([
    ['a file that is not there', () => createReadStream('no-such-file'), 'there is no such file'],
    ['a folder', () => createReadStream('.'), 'it is a folder'],
    [
      'gzip that is cut off',
      () => Readable.from([gzipSync(A).subarray(0, 20)]),
      'its gzip data is damaged, or cut off',
    ],
    ['gzip that is damaged', () => Readable.from([gzipSync(A).fill(7, 12)]), 'its gzip data is damaged, or cut off'],
  ])('is refused when it is %s', async (_, file, reason) => {
    const reading = read(file(), PLAIN);
    await expect(reading).rejects.toThrow(ConfigurationError);
    await expect(reading).rejects.toThrow(`the leaked list cannot be read: ${reason}.`);
  });

  it('closes its file when reading stops early', async () => {
    for (const content of [gzipSync(`${A}\n`.repeat(50_000)), Buffer.from(`${A}\n`.repeat(50_000))]) {
      const file = Readable.from([content, content]);
      for await (const _ of readLeakedList(file, PLAIN)) break;
      expect(file.destroyed).toBe(true);
    }
  });

  it('ends with an AbortError when its stream is aborted while it waits', async () => {
    const controller = new AbortController();
    const file = addAbortSignal(controller.signal, new Readable({ read() {} }));
    const reading = read(file, PLAIN);
    controller.abort();
    await expect(reading).rejects.toThrow(expect.objectContaining({ name: 'AbortError' }));
  });

  it('has the same tokens wherever its bytes are cut into chunks', () => {
    return fc.assert(
      fc.asyncProperty(lists, encodings, chunkLengths, async (list, encode, lengths) => {
        const { tokens, malformed } = await read(Readable.from(cut(encode(list.text), lengths)), list.options);
        expect({ tokens, malformed: malformed.count }).toEqual({ tokens: list.tokens, malformed: list.malformed });
      }),
    );
  });
});

/** What stands where a token should; there is one token at least, so that the list is not refused. */
const cells = fc
  .array(
    fc.oneof(
      fc.uuid().map((token) => ({ text: token, isToken: true })),
      fc
        .string({ unit: fc.constantFrom('é', '🎫', '中', 'a', ' ', '"', ',', '-'), minLength: 1, maxLength: 9 })
        .map((junk) => ({
          text: `x${junk}x`,
          isToken: false,
        })),
    ),
    { maxLength: 15 },
  )
  .map((some) => [{ text: A, isToken: true }, ...some]);

const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
const lineBreaks = fc.constantFrom('\n', '\r\n', '\n\n', '\r\n\r\n');

const delimiters = fc.constantFrom(',', ';', '\t');
const formats = fc.constantFrom(PLAIN, CSV, NDJSON);

/** A list in any format, and what is in it. */
const lists = fc.tuple(cells, lineBreaks, delimiters, formats).map(([all, lineBreak, delimiter, options]) => {
  const lines = {
    plain: all.map(({ text }) => text),
    csv: [`señor${delimiter}token`, ...all.map(({ text }, index) => `🎫${index}${delimiter}${quoted(text)}`)],
    ndjson: all.map(({ text }) => JSON.stringify({ señor: '🎫', token: text })),
  };
  return {
    options,
    text: lines[options.format].join(lineBreak),
    tokens: all.filter(({ isToken }) => isToken).map(({ text }) => text),
    malformed: all.filter(({ isToken }) => !isToken).length,
  };
});

const encodings = fc.constantFrom<(text: string) => Buffer>(
  (text) => Buffer.from(text),
  (text) => Buffer.from(`\uFEFF${text}`),
  (text) => Buffer.from(`\uFEFF${text}`, 'utf16le'),
  (text) => gzipSync(`\uFEFF${text}`),
);

const chunkLengths = fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 30 });

/** The bytes in chunks of these lengths, over and over. */
function* cut(bytes: Buffer, lengths: readonly number[]): Generator<Buffer> {
  for (let start = 0, chunk = 0; start < bytes.length; chunk += 1) {
    const end = start + (lengths[chunk % lengths.length] ?? 1);
    yield bytes.subarray(start, end);
    start = end;
  }
}

describe('a leaked list of tokens that are text', () => {
  it('has any text in it but spaces, quotes and what separates columns', async () => {
    const text = ['tk_live_AB-c.d~1', '  "quoted",', "'x';", 'two words', 'a,b', 'a;b', 'a\tb', 'é+/=', ''].join('\n');
    const { tokens, malformed } = await readText(text, { format: 'plain', type: 'text' });
    expect(tokens).toEqual(['tk_live_AB-c.d~1', 'quoted', 'x', 'é+/=']);
    expect(malformed).toEqual({ count: 4, lines: [4, 5, 6, 7] });
  });
});
