/**
 * A moment as Prisma's driver sends it: in UTC, but without saying so. In a column with a time zone, PostgreSQL takes it
 * for one in the session's (https://github.com/prisma/prisma/issues/28629), and so does the driver when it reads. What an
 * application compares, writes and reads through Prisma fits together in this way only.
 */
export function momentText(moment: Date): string {
  return moment.toISOString().slice(0, -1);
}

/** @param text of PostgreSQL, for a column with a time zone or without */
export function momentOf(text: string): Date {
  return new Date(`${text.replace(/(?<=:[\d.]+)[+-]\d\d(:\d\d)*$/, '')}Z`);
}
