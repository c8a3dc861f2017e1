/** A list of leaked tokens on the command line: which file, and how to read it. */

import * as z from 'zod';
import { parse } from '../config/parse.ts';
import { ConfigurationError } from '../errors/errors.ts';
import { DEFAULT_COLUMN, formatOfName, LEAKED_FORMATS, type LeakedListOptions } from '../verify/list-format.ts';

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

const formats = z.enum(LEAKED_FORMATS, 'must be "plain", "csv" or "ndjson"');
const once = z.string('must be given once, with a value').min(1, 'must be given once, with a value');
const leakedSchema = z.object({
  leaked: once.optional(),
  only: once.optional(),
  'leaked-format': formats.optional(),
  'leaked-column': once.optional(),
  'allow-unreadable': z.int('must be a whole number of lines').min(0, 'must be a whole number of lines').optional(),
  'allow-other-form': z.boolean('must be given once').optional(),
});

/** Options that say how to read a list; they say nothing without one. */
export const LIST_OPTIONS = {
  'leaked-format': {
    describe:
      '"plain" (one token per line), "csv" (the first line names the columns) or "ndjson" (one object per line); ' +
      "default: by the file's name",
    type: 'string',
    requiresArg: true,
  },
  'leaked-column': {
    describe: `Column or field with the token; default: "${DEFAULT_COLUMN}"`,
    type: 'string',
    requiresArg: true,
  },
  'allow-unreadable': {
    describe: 'Lines of the list that may hold no token; with more of them, the list is not conclusive; default: 0',
    type: 'number',
    requiresArg: true,
  },
  'allow-other-form': {
    describe: 'Look up tokens with another form than those in the column, which the rotation changed',
    type: 'boolean',
  },
} as const;

const ABOUT_A_LIST = Object.keys(LIST_OPTIONS) as (keyof typeof LIST_OPTIONS)[];

/**
 * @param option the one that names the file
 * @param options the command line
 * @returns undefined when no list is given
 * @throws ConfigurationError when an option is wrong
 */
export function listOf(option: 'leaked' | 'only', options: object): LeakedSource | undefined {
  const given = parse(leakedSchema, options, (field) => `--${field}`);
  const { [option]: file, 'leaked-column': column } = given;
  if (file === undefined) {
    const [stray] = ABOUT_A_LIST.filter((about) => given[about] !== undefined);
    if (stray === undefined) return undefined;
    throw new ConfigurationError(`--${stray} needs --${option}.`);
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
