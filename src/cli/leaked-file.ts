import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { addAbortSignal, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { isAbort } from '../database/retry.ts';
import { ConfigurationError } from '../errors/errors.ts';
import { type LeakedFile, readLeakedList } from '../verify/leaked-list.ts';
import { cannotRead } from '../verify/leaked-text.ts';
import type { LeakedSource } from './list-options.ts';

/** Standard input, on the command line. */
export const STANDARD_INPUT = '-';

/** Opens a file, or standard input, for one reading. @throws ConfigurationError when that is not possible */
export async function openFile(path: string, signal: AbortSignal): Promise<Readable> {
  const stream = path === STANDARD_INPUT ? process.stdin : await openToRead(path);
  stream.on('error', () => {}); // whoever reads it has it, too
  return addAbortSignal(signal, stream);
}

async function openToRead(path: string): Promise<Readable> {
  try {
    return (await open(path)).createReadStream();
  } catch (error) {
    throw cannotRead(error);
  }
}

/**
 * Opens a list that is read several times.
 *
 * @throws ConfigurationError when it cannot be read, or is standard input
 */
export async function openLeakedFile(source: LeakedSource, signal: AbortSignal): Promise<LeakedFile> {
  const { file, options, allowUnreadable, allowsOtherForm } = source;
  if (file === STANDARD_INPUT) throw new ConfigurationError('--only needs a file, since it is read several times.');
  return {
    sha256: await sha256Of(file, signal),
    allowUnreadable,
    allowsOtherForm,
    async *read() {
      yield* readLeakedList(await openFile(file, signal), options);
    },
  };
}

/** A stream that is read once, and the SHA-256 of what was read of it. */
export function digested(stream: Readable): { bytes: AsyncIterable<Uint8Array>; sha256(): string } {
  const hash = createHash('sha256');
  async function* bytes(): AsyncGenerator<Uint8Array> {
    for await (const chunk of stream) {
      hash.update(chunk);
      yield chunk;
    }
  }
  return { bytes: bytes(), sha256: () => hash.digest('hex') };
}

async function sha256Of(path: string, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  const stream = await openFile(path, signal);
  try {
    await pipeline(stream, hash);
  } catch (error) {
    throw isAbort(error) ? error : cannotRead(error);
  }
  return hash.digest('hex');
}
