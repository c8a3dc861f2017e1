import * as z from 'zod';
import { faultOfUrl } from '../database/url.ts';
import { parse } from './parse.ts';

const DATABASE_URL_MISSING = 'is not set. Set it in the environment or in a .env file.';

const databaseUrlSchema = z.object({
  DATABASE_URL: z
    .string(DATABASE_URL_MISSING)
    .min(1, DATABASE_URL_MISSING)
    .superRefine((url, context) => {
      const fault = faultOfUrl(url);
      if (fault !== null) context.addIssue(fault);
    }),
});

/**
 * @param environment `process.env`
 * @returns the connection URL; it holds a password, so it is never printed
 * @throws ConfigurationError, without the URL, when it is missing or cannot be used
 */
export function parseDatabaseUrl(environment: Record<string, string | undefined>): string {
  return parse(databaseUrlSchema, environment, String).DATABASE_URL;
}
