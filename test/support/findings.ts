import { expect, it } from '@jest/globals';
import type { TicketDatabase } from '../../scripts/support/ticket-database.ts';
import type { Queryable } from '../../src/database/database.ts';
import { type Finding, parseSettings } from '../../src/index.ts';
import { inspectDatabase } from '../../src/preflight/preflight.ts';
import { PATIENT } from './patient.ts';
import { TICKETS } from './tickets.ts';

/** A state of the database, and what is found in it. */
export interface Situation {
  /** Ends the sentence "says when …". */
  when: string;
  /** What leads to it. */
  statements: string[];
  level: Finding['level'];
  message: string | RegExp;
  /** Where another situation has the same, it need not be repeated. */
  advice?: string;
}

/** One test for each situation. */
export function itFinds(database: TicketDatabase, check: string, situations: Situation[]): void {
  it.each(situations)(`(${check}) says when $when: $level`, async ({ statements, level, message, advice }) => {
    const finding = findingOf(await findingsAfter(database, statements), check);
    expect(finding).toMatchObject({
      level,
      message: typeof message === 'string' ? message : expect.stringMatching(message),
      ...(advice === undefined ? {} : { advice }),
    });
    expect(finding?.advice === undefined).toBe(level === 'ok');
  });
}

const UNDO = new Error('undone');

/** What the preflight finds once these statements have run. */
export function findingsAfter(database: TicketDatabase, statements: string[], settings = {}): Promise<Finding[]> {
  return inSituation(database, statements, (transaction) =>
    inspectDatabase(transaction, TICKETS, parseSettings(settings)),
  );
}

/** Looks at the database once these statements have run; they are undone again, whatever happens. */
export async function inSituation<Result>(
  database: TicketDatabase,
  statements: string[],
  look: (transaction: Queryable) => Promise<Result>,
): Promise<Result> {
  const seen: Result[] = [];
  const inspection = database.$transaction(async (transaction) => {
    for (const statement of statements) await transaction.$executeRawUnsafe(statement);
    seen.push(await look(transaction));
    throw UNDO;
  }, PATIENT);
  await inspection.catch((error) => {
    if (error !== UNDO) throw error;
  });
  return seen[0] as Result;
}

/** The finding of one check. */
export function findingOf(findings: readonly Finding[], check: string): Finding | undefined {
  return findings.find((finding) => finding.check === check);
}
