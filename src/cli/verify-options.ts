import { DEFAULTS, parseSettings, type Settings } from '../config/settings.ts';
import { commandLine, PROGRAM, RETRY_TIME_OPTION, TARGET_OPTION } from './arguments.ts';
import { exitCodesHelp } from './exit-code.ts';
import { type LeakedSource, LIST_OPTIONS, listOf } from './list-options.ts';

const USAGE = `${PROGRAM} verify [options]

Checks that a rotation left out no row, and that no token of a leaked list works anymore. Changes no token; what it finds
is recorded with the rotation, for its report.
An empty list, or one with lines that cannot be tokens of the column, is not conclusive: exit code 4.`;

export interface VerifyOptions {
  settings: Settings;
  /** Its name; undefined: the only one. */
  target: string | undefined;
  /** Nothing when there is no list to look up. */
  leaked: LeakedSource | undefined;
  /** Path of the report; undefined: none. */
  report: string | undefined;
  json: boolean;
}

/**
 * @param args the command line after `verify`
 * @throws ConfigurationError when an option is unknown or wrong
 */
export async function parseVerifyOptions(args: string[]): Promise<VerifyOptions> {
  const options = await verifyOptions(args).parseAsync();
  const settings = parseSettings({ name: options.name, maxRetryTimeMs: options['max-retry-time-ms'] });
  return {
    settings,
    target: options.target,
    leaked: listOf('leaked', options),
    report: options.report,
    json: options.json,
  };
}

function verifyOptions(args: string[]) {
  return commandLine(args, USAGE)
    .option('name', {
      describe: 'Name of the rotation to check',
      type: 'string',
      default: DEFAULTS.name,
      requiresArg: true,
    })
    .option('target', TARGET_OPTION)
    .option('leaked', {
      describe: 'File of leaked tokens to look up, plain or gzipped, or - for standard input',
      type: 'string',
      requiresArg: true,
    })
    .options(LIST_OPTIONS)
    .option('report', {
      describe: 'Write a report of the whole rotation, this check included, to this file (.html or .json)',
      type: 'string',
      requiresArg: true,
    })
    .option('max-retry-time-ms', {
      ...RETRY_TIME_OPTION,
      describe: 'Milliseconds to retry a passing fault (restart, failover, lost connection)',
    })
    .option('json', { describe: 'Print one JSON object per line', type: 'boolean', default: false })
    .epilogue(`DATABASE_URL, in the environment or in .env, names the database.\n\n${exitCodesHelp()}`);
}
