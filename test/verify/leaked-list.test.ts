import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { addAbortSignal, Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { ConfigurationError } from '../../src/index.ts';
import { MAX_LINE_LENGTH } from '../../src/verify/leaked-entry.ts';
import { collectUnreadable, readLeakedList } from '../../src/verify/leaked-list.ts';
import type { LeakedListOptions } from '../../src/verify/list-format.ts';

/** Reads a whole list; its chunks put together. */
async function read(file: AsyncIterable<Uint8Array>, options: LeakedListOptions) {
  const unreadable = collectUnreadable();
  const all = { entries: [] as string[], unreadable: unreadable.result(), chunks: 0 };
  for await (const chunk of readLeakedList(file, options)) {
    all.entries.push(...chunk.entries.map(({ text }) => text));
    unreadable.add(chunk.unreadable);
    all.chunks += 1;
  }
  return { ...all, unreadable: unreadable.result() };
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
    const expected = { entries: [A, B, C], unreadable: NONE };
    expect(await readText(content, PLAIN)).toMatchObject(expected);
    const byteByByte = Readable.from(cut(Buffer.from(content), [1]));
    expect(await read(byteByByte, PLAIN)).toMatchObject(expected);
  });

  it('counts all unreadable lines, and keeps the numbers of the first 20', () => {
    const unreadable = collectUnreadable();
    for (let line = 50; line > 0; line -= 2) unreadable.add([line]);
    expect(unreadable.result()).toEqual({ count: 25, lines: Array.from({ length: 20 }, (_, index) => 2 * index + 2) });
  });

  it('comes in chunks of 20,000', async () => {
    const tokens = Array.from({ length: 40_001 }, () => randomUUID());
    const sizes = [];
    for await (const chunk of readLeakedList(Readable.from([Buffer.from(tokens.join('\n'))]), PLAIN)) {
      sizes.push(chunk.entries.length);
    }
    expect(sizes).toEqual([20_000, 20_000, 1]);
  });

  it('may be empty', async () => {
    for (const content of ['', '\n', '\uFEFF', gzipSync('')]) {
      expect(await readText(content, PLAIN)).toEqual({ entries: [], unreadable: NONE, chunks: 0 });
    }
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
    expect(await read(file, PLAIN)).toMatchObject({ entries: [A, B], unreadable: { count: 1, lines: [2] } });
    expect(peak - heldBefore).toBeLessThan(400_000_000);
  });

  it('takes a blank line for malformed when it is too long to be read to its end', async () => {
    const blank = ' '.repeat(MAX_LINE_LENGTH + 1);
    const pieces = [Buffer.from(blank), Buffer.from(`${A}\n${B}`)];
    expect(await read(Readable.from(pieces), PLAIN)).toMatchObject({ entries: [B], unreadable: { lines: [1] } });
  });
});

describe('a CSV file with leaked tokens', () => {
  it('is read by the name of the column, whatever is quoted', async () => {
    const csv = `id,holder,token\n1,"Smith, ""Bob""",${A}\n2,"two\nlines","${B}"\n\n3,,${C}\n`;
    expect(await readText(csv, CSV)).toMatchObject({ entries: [A, B, C], unreadable: NONE });
  });

  it('is read by another column than token', async () => {
    const csv = `token,"old token"\n${A},${B}\n`;
    expect(await readText(csv, { ...CSV, column: 'old token' })).toMatchObject({ entries: [B] });
  });

  it.each([
    ['semicolons', ';'],
    ['tabs', '\t'],
  ])('may be separated by %s', async (_, delimiter) => {
    const csv = `id${delimiter}token\n1${delimiter}${A}\n`;
    expect(await readText(csv, CSV)).toMatchObject({ entries: [A], unreadable: NONE });
  });

  it('may have a byte order mark and the line breaks of Windows', async () => {
    expect(await readText(`\uFEFFtoken,id\r\n${A},1\r\n"${B}",2\r\n`, CSV)).toMatchObject({ entries: [A, B] });
  });

  it('has records that are unreadable: with nothing for a token, or too few cells', async () => {
    const csv = `id,token,holder\n1,${A},x\n2,leaked,x\n3,,x\n4\n5,${B},x,more\n`;
    expect(await readText(csv, CSV)).toMatchObject({
      entries: [A, 'leaked', B],
      unreadable: { count: 2, lines: [4, 5] },
    });
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
    await expect(reading).rejects.toThrow(/^the leaked list is not CSV: the record at line \d+ does not end/);
  });

  it('is not read to its end where a quote is not closed for far too long', async () => {
    let piecesRead = 0;
    const file = (async function* () {
      yield Buffer.from(`id,token\n1,"${A}\n`);
      for (; piecesRead < 1_000; piecesRead += 1) yield Buffer.from(`2,${B}\n`.repeat(1_000));
    })();
    await expect(read(file, CSV)).rejects.toThrow('does not end');
    expect(piecesRead * 1_000 * B.length).toBeLessThan(2 * MAX_LINE_LENGTH);
  });

  it('may have nothing but the names of its columns', async () => {
    expect(await readText('id,token\n', CSV)).toMatchObject({ entries: [], unreadable: NONE });
  });
});

describe('an NDJSON file with leaked tokens', () => {
  it('is read by the name of the field', async () => {
    const ndjson = `{"id":1,"token":"${A}"}\r\n\n{"token":"${B}","nested":{"token":"${C}"}}\n`;
    expect(await readText(ndjson, NDJSON)).toMatchObject({ entries: [A, B], unreadable: NONE });
    expect(await readText(`{"uuid":"${C}"}`, { ...NDJSON, column: 'uuid' })).toMatchObject({ entries: [C] });
  });

  it('has lines that are unreadable: no JSON, no object, without the field, or with another thing in it', async () => {
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
      entries: [A],
      unreadable: { count: others.length, lines: others.map((_, index) => index + 2) },
    });
  });
});

describe('a leaked list', () => {
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
        const { entries, unreadable } = await read(Readable.from(cut(encode(list.text), lengths)), list.options);
        expect({ entries, unreadable }).toEqual({ entries: list.entries, unreadable: NONE });
      }),
    );
  });
});

/** What stands where a token should. */
const cells = fc.array(
  fc.oneof(
    fc.uuid(),
    fc
      .string({ unit: fc.constantFrom('é', '🎫', '中', 'a', ' ', '"', ',', '-'), minLength: 1, maxLength: 9 })
      .map((junk) => `x${junk}x`),
  ),
  { minLength: 1, maxLength: 15 },
);

const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
const lineBreaks = fc.constantFrom('\n', '\r\n', '\n\n', '\r\n\r\n');

const delimiters = fc.constantFrom(',', ';', '\t');
const formats = fc.constantFrom(PLAIN, CSV, NDJSON);

/** A list in any format, and what is in it. */
const lists = fc.tuple(cells, lineBreaks, delimiters, formats).map(([all, lineBreak, delimiter, options]) => {
  const lines = {
    plain: all,
    csv: [`señor${delimiter}token`, ...all.map((text, index) => `🎫${index}${delimiter}${quoted(text)}`)],
    ndjson: all.map((text) => JSON.stringify({ señor: '🎫', token: text })),
  };
  return {
    options,
    text: lines[options.format].join(lineBreak),
    entries: all,
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
