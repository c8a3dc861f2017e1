import * as z from 'zod';
import { parse } from './parse.ts';

/** What a rotation does when nothing else is said. `--help` and README state these numbers from here. */
export const DEFAULTS = {
  /** The rotation's name: its idempotency key. */
  name: 'default',
  /** Rows a batch. Large enough that round trips don't count, small enough that a batch's locks last about 50 ms. */
  batchSize: 5_000,
} as const;

/** Rows a batch at the most: more only holds locks longer and fills memory. */
export const MAX_BATCH_SIZE = 20_000;

const settingsSchema = z
  .strictObject({
    name: z
      .string('has to be given once, with a value')
      .regex(/^[A-Za-z0-9][\w.:-]{0,62}$/, 'has to be 1 to 63 letters, digits, or . _ : - (not at the start)')
      .default(DEFAULTS.name),
    batchSize: z
      .int('has to be a whole number of rows')
      .min(1, 'has to be at least 1 row')
      .max(MAX_BATCH_SIZE, `has to be at most ${MAX_BATCH_SIZE.toLocaleString('en')} rows`)
      .default(DEFAULTS.batchSize),
  })
  .readonly();

/** How one rotation is run. Frozen. */
export type Settings = z.output<typeof settingsSchema>;

/**
 * @param input the options as they came in; what is missing or undefined takes its default
 * @throws ConfigurationError naming the first option that is wrong, and why
 */
export function parseSettings(input: unknown): Settings {
  return parse(settingsSchema, input, optionName);
}

const DATABASE_URL_MISSING = 'is not set. Put it into the environment or into a .env file (see .env.example).';

/** Strict where the URL standard is lenient: a password with a bare `/` in it would otherwise pass for host and path. */
function isPostgresUrl(text: string): boolean {
  if (!URL.canParse(text) || !/^postgres(ql)?:\/\//.test(text)) return false;
  const { pathname, hash } = new URL(text);
  return /^(\/[^/@]*)?$/.test(pathname) && hash === '';
}

const databaseUrlSchema = z.object({
  DATABASE_URL: z
    .string(DATABASE_URL_MISSING)
    .min(1, DATABASE_URL_MISSING)
    .refine(
      isPostgresUrl,
      'is not a PostgreSQL URL. It has the form postgresql://user:password@host:5432/database; ' +
        'in the password, / ? # @ : have to be percent-encoded',
    ),
});

/**
 * @param environment `process.env`
 * @returns the connection URL; it holds a password, so it is never printed
 * @throws ConfigurationError, without the URL, when it is missing or no PostgreSQL URL
 */
export function parseDatabaseUrl(environment: Record<string, string | undefined>): string {
  return parse(databaseUrlSchema, environment, String).DATABASE_URL;
}

/** `batchSize` → `--batch-size`. */
function optionName(field: string): string {
  return `--${field.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
