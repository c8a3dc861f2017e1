import type { RotationEvent } from '../../context.ts';
import { formatDuration } from '../../text/format.ts';
import { printable } from '../../text/printable.ts';
import { countOf } from '../../text/wording.ts';
import { thinOutRepeats } from './repeats.ts';

type Retry = Extract<RotationEvent, { type: 'retry' }>;

/** Messages about retries. */
export interface RetryLines {
  /** @returns undefined when the same fault was reported not long ago: then it is only counted */
  lineFor(retry: Retry): string | undefined;
  /** Reports at the end what was only counted so far. */
  counted(): string[];
}

/** One line for a fault however many attempts and partitions it concerns, and another one every half minute. */
export function retryLines(): RetryLines {
  const repeats = thinOutRepeats();
  return {
    lineFor(retry) {
      const heldBack = repeats.letThrough(retry.fault, performance.now());
      return heldBack === undefined ? undefined : describeRetry(retry, heldBack);
    },
    counted: () =>
      repeats.heldBack().map(([fault, count]) => `${countOf(count, 'more retry', 'more retries')}: ${fault}`),
  };
}

/** For commands that report nothing else while they run. @returns what to call with each event */
export function retriesTo(stream: NodeJS.WritableStream): (event: RotationEvent) => void {
  const retries = retryLines();
  return (event) => {
    const line = event.type === 'retry' ? retries.lineFor(event) : undefined;
    if (line !== undefined) stream.write(`${printable(line)}\n`);
  };
}

/** @param unreported how many retries of the same fault were only counted since its last line */
export function describeRetry({ partition, fault, waitMs, attempt }: Retry, unreported: number): string {
  const where = partition === undefined ? '' : `partition ${partition}: `;
  const count = unreported === 0 ? '' : `; ${countOf(unreported, 'retry', 'retries')} since the last such line`;
  return `${where}${fault} Retrying in ${formatDuration(waitMs)} (attempt ${attempt} failed${count}).`;
}
