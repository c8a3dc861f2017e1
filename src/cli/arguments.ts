import yargs from 'yargs';
import { DEFAULTS } from '../config/settings.ts';
import { ConfigurationError } from '../errors/errors.ts';

/** How a user starts the command: as a script of this repository, or as a package in another project. */
export const PROGRAM = process.argv[1]?.endsWith('.ts') ? 'npx tsx scripts/rotate-tokens.ts' : 'npx rotate-tokens';

/** The option of each command that is about one target. */
export const TARGET_OPTION = {
  describe: 'Target of rotate-tokens.config.ts; optional if there is only one',
  type: 'string',
  requiresArg: true,
} as const;

/** The option of each command that waits for faults to pass. */
export const RETRY_TIME_OPTION = {
  describe: 'Milliseconds to retry a passing fault (restart, failover, lost connection, locked rows)',
  type: 'number',
  default: DEFAULTS.maxRetryTimeMs,
  requiresArg: true,
} as const;

/** Within a paragraph; the lines of a list begin with a space. */
const LINE_BREAK = /(?<=\S)\n(?=\S)/g;

/**
 * The part that all commands share: unknown options, stray words and missing values are refused in one line.
 *
 * @param args the command line without node and script
 * @param usage the command's syntax, a blank line, and its description
 */
export function commandLine(args: string[], usage: string) {
  return yargs(args)
    .usage(usage.replaceAll(LINE_BREAK, ' ')) // yargs fits paragraphs to the terminal
    .strict()
    .parserConfiguration({ 'camel-case-expansion': false })
    .demandCommand(
      0,
      0,
      '',
      'The command (run, init, doctor, status, pause, resume, set, verify, report or expire-grace) comes first, and only options follow',
    )
    .wrap(Math.min(100, process.stdout.columns || 100))
    .alias('help', 'h')
    .version(false)
    .fail((message, error) => {
      throw message ? new ConfigurationError(`${message}. See --help.`) : error;
    });
}
