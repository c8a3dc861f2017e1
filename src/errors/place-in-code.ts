import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** `    at name (file:///path:1:2)`. The name of a function may have been computed, so it is not used. */
const FRAME = /^\s+at (?:.*? \(|async )?(.+:\d{1,7}:\d{1,7})\)?$/;

/**
 * Finds where an error was thrown: enough for a bug report, and free of values, unlike the error's message. A message
 * can imitate a line of the stack, so only a file that exists is named.
 *
 * @returns `/path/to/file.ts:1:2`; undefined if the stack names no such file
 */
export function placeInCode(error: unknown): string | undefined {
  const stack = error instanceof Error ? String(error.stack ?? '') : '';
  const places = stack.split('\n').flatMap((line) => placeOfFrame(FRAME.exec(line)?.[1] ?? ''));
  // The code that called a library says more than the library.
  return places.find((place) => !place.includes('node_modules')) ?? places[0];
}

/** tsx puts the whole compiled code into the address, and the path of its file into a parameter. */
const COMPILED = /^data:.*[?&]filePath=([^&:]*)/;

/** @returns the path, without the position if that is one in compiled code; empty if there is no such file */
function placeOfFrame(location: string): string[] {
  const [, address = '', position = ''] = /^(.*?)(:\d+:\d+)$/.exec(location) ?? [];
  try {
    const compiled = COMPILED.exec(address)?.[1];
    if (compiled !== undefined) return existing(decodeURIComponent(compiled).replace(/\?namespace=.*$/, ''));
    return existing(address.startsWith('file:') ? fileURLToPath(address) : address).map((file) => file + position);
  } catch {
    return []; // not an address
  }
}

function existing(file: string): string[] {
  return existsSync(file) ? [file] : [];
}
