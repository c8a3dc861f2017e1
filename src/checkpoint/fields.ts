import * as z from 'zod';

/** A time that was read as milliseconds since 1970. */
export const time = z.number().transform((ms) => new Date(ms));
