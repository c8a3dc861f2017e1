import { printableJson } from '../text/printable.ts';

/**
 * Writes one JSON object a line. Every object has `event`, `rotation` and `time`; keys, which are bigints, are strings.
 *
 * @param rotation null when the options could not be understood
 */
export function jsonLines(rotation: string | null, stream: NodeJS.WritableStream) {
  return (event: string, facts: object): void => {
    const line = { event, rotation, time: new Date().toISOString(), ...facts };
    stream.write(`${printableJson(line)}\n`);
  };
}
