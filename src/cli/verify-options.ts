import * as z from 'zod';
import { parse } from '../config/parse.ts';
import { DEFAULTS, parseSettings, type Settings } from '../config/settings.ts';
import { ConfigurationError } from '../errors/errors.ts';
import { LEAKED_FORMATS } from '../verify/leaked-formats.ts';
import { DEFAULT_COLUMN, formatOfName, type LeakedListOptions } from '../verify/leaked-list.ts';
import { commandLine, PROGRAM, RETRY_TIME_OPTION, TARGET_OPTION } from './arguments.ts';
import { exitCodesHelp } from './exit-code.ts';

const USAGE = `${PROGRAM} verify [options]

Checks that a rotation left out no row, and that no token of a leaked list works anymore. Changes nothing.
An empty list, or one with lines that cannot be tokens of the column, is not conclusive: exit code 4.`;

/** Location and format of a leaked list. */
export interface LeakedSource {
  /** A path, or `-` for what is piped in. */
  file: string;
  options: LeakedListOptions;
  /** Lines that may be unreadable. */
  allowUnreadable: number;
  /** True if tokens may have another form than those in the column. */
  allowsOtherForm: boolean;
}

export interface VerifyOptions {
  settings: Settings;
  /** Its name; undefined: the only one. */
  target: string | undefined;
  /** Nothing when there is no list to look up. */
  leaked: LeakedSource | undefined;
  json: boolean;
}

const formats = z.enum(LEAKED_FORMATS, 'must be "plain", "csv" or "ndjson"');
const once = z.string('must be given once, with a value').min(1, 'must be given once, with a value');
const leakedSchema = z.object({
  leaked: once.optional(),
  'leaked-format': formats.optional(),
  'leaked-column': once.optional(),
  'allow-unreadable': z.int('must be a whole number of lines').min(0, 'must be a whole number of lines').optional(),
  'allow-other-form': z.boolean('must be given once').optional(),
});

/** They say nothing without a list. */
const ABOUT_A_LIST = ['leaked-format', 'leaked-column', 'allow-unreadable', 'allow-other-form'] as const;

/**
 * @param args the command line after `verify`
 * @throws ConfigurationError when an option is unknown or wrong
 */
export async function parseVerifyOptions(args: string[]): Promise<VerifyOptions> {
  const options = await verifyOptions(args).parseAsync();
  const settings = parseSettings({ name: options.name, maxRetryTimeMs: options['max-retry-time-ms'] });
  return { settings, target: options.target, leaked: leakedSource(options), json: options.json };
}

function leakedSource(options: object): LeakedSource | undefined {
  const given = parse(leakedSchema, options, (field) => `--${field}`);
  const { leaked: file, 'leaked-column': column } = given;
  if (file === undefined) {
    const [stray] = ABOUT_A_LIST.filter((option) => given[option] !== undefined);
    if (stray === undefined) return undefined;
    throw new ConfigurationError(`--${stray} needs --leaked.`);
  }
  const format = given['leaked-format'] ?? formatOfName(file);
  if (format === 'plain' && column !== undefined) {
    throw new ConfigurationError('--leaked-column needs --leaked-format csv or ndjson: a plain list has no columns.');
  }
  return {
    file,
    options: { format, ...(column === undefined ? {} : { column }) },
    allowUnreadable: given['allow-unreadable'] ?? 0,
    allowsOtherForm: given['allow-other-form'] ?? false,
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
    .option('leaked-format', {
      describe:
        '"plain" (one token per line), "csv" (the first line names the columns) or "ndjson" (one object per line); ' +
        "default: by the file's name",
      type: 'string',
      requiresArg: true,
    })
    .option('leaked-column', {
      describe: `Column or field with the token; default: "${DEFAULT_COLUMN}"`,
      type: 'string',
      requiresArg: true,
    })
    .option('allow-unreadable', {
      describe: 'Lines of the list that may hold no token; more of them lead to exit code 4; default: 0',
      type: 'number',
      requiresArg: true,
    })
    .option('allow-other-form', {
      describe: 'Look up tokens with another form than those in the column, which the rotation changed',
      type: 'boolean',
    })
    .option('max-retry-time-ms', {
      ...RETRY_TIME_OPTION,
      describe: 'Milliseconds to retry a passing fault (restart, failover, lost connection)',
    })
    .option('json', { describe: 'Print one JSON object per line', type: 'boolean', default: false })
    .epilogue(`DATABASE_URL, in the environment or in .env, names the database.\n\n${exitCodesHelp()}`);
}
