import * as z from 'zod';
import {
  ConfigurationError,
  DEFAULT_COLUMN,
  DEFAULTS,
  formatOfName,
  LEAKED_FORMATS,
  type LeakedListOptions,
  parseSettings,
  type Settings,
} from '../../src/index.ts';
import { parse } from '../../src/parse.ts';
import { commandLine, PROGRAM, TARGET_OPTION } from './arguments.ts';
import { exitCodesHelp } from './exit-code.ts';

const USAGE = `${PROGRAM} verify [options]

Checks that a rotation has left no row out, and that no token of a leaked list works any more. Changes nothing.`;

/** Where a list of leaked tokens is, and how it is written. */
export interface LeakedSource {
  /** A path, or `-` for what is piped in. */
  file: string;
  options: LeakedListOptions;
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
});

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
    if (given['leaked-format'] === undefined && column === undefined) return undefined;
    throw new ConfigurationError('--leaked-format and --leaked-column need --leaked, the list that they are about.');
  }
  const format = given['leaked-format'] ?? formatOfName(file);
  if (format === 'plain' && column !== undefined) {
    throw new ConfigurationError('--leaked-column needs --leaked-format csv or ndjson: a plain list has no columns.');
  }
  return { file, options: { format, ...(column === undefined ? {} : { column }) } };
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
    .option('max-retry-time-ms', {
      describe: 'Milliseconds to wait out a fault that passes by itself (restart, failover, lost connection)',
      type: 'number',
      default: DEFAULTS.maxRetryTimeMs,
      requiresArg: true,
    })
    .option('json', { describe: 'Print one JSON object a line', type: 'boolean', default: false })
    .epilogue(`The database is taken from DATABASE_URL, in the environment or in .env.\n\n${exitCodesHelp()}`);
}
