import * as z from 'zod';
import { parse } from '../config/parse.ts';
import { DEFAULTS, parseSettings, type Settings } from '../config/settings.ts';
import { ConfigurationError } from '../errors/errors.ts';
import { LEAKED_FORMATS } from '../verify/leaked-formats.ts';
import { DEFAULT_COLUMN, formatOfName, type LeakedListOptions } from '../verify/leaked-list.ts';
import { commandLine, PROGRAM, TARGET_OPTION } from './arguments.ts';
import { exitCodesHelp } from './exit-code.ts';

const USAGE = `${PROGRAM} verify [options]

Checks that a rotation has left no row out, and that no token of a leaked list works any more. Changes nothing.
A list that is empty, or has lines that cannot be a token of the column, is not conclusive: exit code 4.`;

/** Where a list of leaked tokens is, and how it is written. */
export interface LeakedSource {
  /** A path, or `-` for what is piped in. */
  file: string;
  options: LeakedListOptions;
  /** Lines that may be unreadable. */
  allowUnreadable: number;
  /** Whether tokens may have another form than those in the column. */
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

const formats = z.enum(LEAKED_FORMATS, 'has to be "plain", "csv" or "ndjson"');
const once = z.string('has to be given once, with a value').min(1, 'has to be given once, with a value');
const leakedSchema = z.object({
  leaked: once.optional(),
  'leaked-format': formats.optional(),
  'leaked-column': once.optional(),
  'allow-unreadable': z.int('has to be a whole number of lines').min(0, 'has to be a whole number of lines').optional(),
  'allow-other-form': z.boolean('has to be given once').optional(),
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
    throw new ConfigurationError(`--${stray} needs --leaked, the list that it is about.`);
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
      describe: 'Which rotation to check',
      type: 'string',
      default: DEFAULTS.name,
      requiresArg: true,
    })
    .option('target', TARGET_OPTION)
    .option('leaked', {
      describe: 'File with the leaked tokens, also gzipped, or - for standard input: each is looked up',
      type: 'string',
      requiresArg: true,
    })
    .option('leaked-format', {
      describe:
        '"plain" (a token a line), "csv" (the first line names the columns) or "ndjson" (an object a line); ' +
        "if not given, the file's name decides",
      type: 'string',
      requiresArg: true,
    })
    .option('leaked-column', {
      describe: `Column, or field, with the token, "${DEFAULT_COLUMN}" if not given`,
      type: 'string',
      requiresArg: true,
    })
    .option('allow-unreadable', {
      describe: 'Lines of the list that may hold no token, 0 if not given; more of them end in exit code 4',
      type: 'number',
      requiresArg: true,
    })
    .option('allow-other-form', {
      describe: 'Look up tokens although they look unlike those in the column: the rotation changed their form',
      type: 'boolean',
    })
    .option('max-retry-time-ms', {
      describe: 'Milliseconds to wait out a fault that passes by itself (restart, failover, lost connection)',
      type: 'number',
      default: DEFAULTS.maxRetryTimeMs,
      requiresArg: true,
    })
    .option('json', { describe: 'Print one JSON object a line', type: 'boolean', default: false })
    .epilogue(`The database is taken from DATABASE_URL, in the environment or in .env.\n\n${exitCodesHelp()}`);
}
