import * as z from 'zod';
import { faultOfUrl } from '../database/url.ts';
import { parse } from './parse.ts';

const DATABASE_URL_MISSING = 'is not set. Set it in the environment or in a .env file.';

/** The variable that names the database, unless another one is chosen. */
const DATABASE_URL = 'DATABASE_URL';

const databaseUrlSchema = z.object({
  url: z
    .string(DATABASE_URL_MISSING)
    .min(1, DATABASE_URL_MISSING)
    .superRefine((url, context) => {
      const fault = faultOfUrl(url);
      if (fault !== null) context.addIssue(fault);
    }),
});

/**
 * @param environment `process.env`
 * @param variable its name. @default DATABASE_URL
 * @returns the connection URL; it holds a password, so it is never printed
 * @throws ConfigurationError, without the URL, when it is missing or cannot be used
 */
export function parseDatabaseUrl(
  environment: Record<string, string | undefined>,
  variable: string = DATABASE_URL,
): string {
  return parse(databaseUrlSchema, { url: environment[variable] }, () => variable).url;
}
