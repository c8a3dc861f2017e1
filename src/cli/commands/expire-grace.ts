import { parseSettings } from '../../config/settings.ts';
import { expireGrace } from '../../rotate/expire-grace.ts';
import { printable } from '../../text/printable.ts';
import { countOf } from '../../text/wording.ts';
import { commandLine, PROGRAM, RETRY_TIME_OPTION, TARGET_OPTION } from '../arguments.ts';
import { exitCodeOfError } from '../exit-code.ts';
import { openTarget } from '../open-target.ts';
import { retriesTo } from '../reporters/retry-text.ts';
import { sayError } from '../say-error.ts';
import { exitCodeAfter, interruptOnSignals } from '../signals.ts';

const USAGE = `${PROGRAM} expire-grace [options]

Ends the grace period of a target now: removes the old tokens that it keeps valid, in small batches.
Interrupted, the same command continues.`;

/** @param args what follows `expire-grace` @returns the exit code */
export async function expireGraceCommand(args: string[]): Promise<number> {
  const interruption = interruptOnSignals(() => {});
  try {
    const options = await commandLine(args, USAGE)
      .option('target', TARGET_OPTION)
      .option('max-retry-time-ms', RETRY_TIME_OPTION)
      .parseAsync();
    const settings = parseSettings({ maxRetryTimeMs: options['max-retry-time-ms'] });
    const { target, database, label } = await openTarget(options.target, { connections: 1 });
    try {
      const rows = await expireGrace({
        database,
        target,
        settings,
        signal: interruption.signal,
        onEvent: retriesTo(process.stderr),
      });
      process.stdout.write(
        `${printable(`removed ${countOf(rows, 'old token')} from ${target.grace?.token.fullName} in ${label}`)}\n`,
      );
      return 0;
    } finally {
      await database.$disconnect();
    }
  } catch (error) {
    if (interruption.received) return exitCodeAfter(interruption.received);
    sayError(error);
    return exitCodeOfError(error);
  }
}
