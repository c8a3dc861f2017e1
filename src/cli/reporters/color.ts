import { styleText } from 'node:util';

/** By the mark that begins the line of a finding. One style each: for several, Node 20 does not look at the stream. */
const STYLES = { ok: 'green', warning: 'yellow', STOP: 'red' } as const;

/** Colors the mark of a finding, if the stream is a terminal and NO_COLOR is not set. */
export function colored(line: string, stream: NodeJS.WritableStream): string {
  return line.replace(/(?<=^ *)(ok|warning|STOP)(?= +[a-z-]+: )/, (mark) =>
    styleText(STYLES[mark as keyof typeof STYLES], mark, { stream }),
  );
}
