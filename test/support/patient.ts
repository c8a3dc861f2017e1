/** For transactions of a test: Prisma's own limits, 2 and 5 seconds, are too short for a busy machine. */
export const PATIENT = { maxWait: 60_000, timeout: 240_000 } as const;
