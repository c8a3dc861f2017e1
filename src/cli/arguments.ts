import yargs from 'yargs';
import { ConfigurationError } from '../errors/errors.ts';

/** How this is called: as a script of this repository, or as a package in another project. */
export const PROGRAM = process.argv[1]?.endsWith('.ts') ? 'npx tsx scripts/rotate-tokens.ts' : 'npx rotate-tokens';

/** The option of each command that is about one target. */
export const TARGET_OPTION = {
  describe: 'Which target of rotate-tokens.config.ts; may be left out where there is only one',
  type: 'string',
  requiresArg: true,
} as const;

/**
 * What all commands have in common: unknown options, stray words and missing values are refused, in one line.
 *
 * @param args the command line without node and script
 * @param usage how the command is called, a blank line, what it does
 */
export function commandLine(args: string[], usage: string) {
  return yargs(args)
    .usage(usage)
    .strict()
    .parserConfiguration({ 'camel-case-expansion': false })
    .demandCommand(0, 0, '', 'The command (run, status or verify) comes first, and nothing but options after it')
    .wrap(Math.min(100, process.stdout.columns || 100))
    .alias('help', 'h')
    .version(false)
    .fail((message, error) => {
      throw message ? new ConfigurationError(`${message}. See --help.`) : error;
    });
}
