import { readStatus } from '../checkpoint/status.ts';
import { attemptOnce } from '../database/retry.ts';
import { databaseLabel } from '../database/url.ts';
import { writeReport } from '../report/page/write-report.ts';
import { buildRotationReport, type RecordedIn } from '../report/rotation-report.ts';
import type { MissingRotation } from '../report/rotation-schema.ts';
import { openRecords, type Place } from './open-target.ts';

/**
 * Reads what is recorded of rotations.
 *
 * @param place where they are recorded
 * @param isWanted says which, by their names
 * @returns the first started first
 */
export async function readRecorded(isWanted: (name: string) => boolean, place: Place = {}): Promise<RecordedIn[]> {
  const { url, database, tables } = await openRecords(place);
  try {
    const statuses = await attemptOnce(database, () => readStatus(database, tables, isWanted));
    return statuses.reverse().map((status) => ({ status, database: databaseLabel(url) }));
  } finally {
    await database.$disconnect();
  }
}

/**
 * @param path ends with `.html` or `.json`
 * @param missing rotations that were asked for, and of which nothing is known
 * @throws ConfigurationError when it cannot be written
 */
export async function writeRotationReport(
  path: string,
  recorded: readonly RecordedIn[],
  missing: readonly MissingRotation[] = [],
): Promise<void> {
  const report = buildRotationReport(recorded, new Date(), missing);
  await writeReport(path, report, async () =>
    (await import('../report/page/rotation-page.ts')).renderRotations(report),
  );
}
