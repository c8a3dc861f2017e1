/**
 * The preflight: what is checked before the first write. Each check reads a little of the catalog and no row,
 * but for a sample of tokens, and waits for no lock, so that it takes as long for a huge table as for a small one.
 */

import type { Settings } from '../config/settings.ts';
import type { Target } from '../config/target.ts';
import type { RotationContext } from '../context.ts';
import type { Queryable } from '../database/database.ts';
import { retry } from '../database/retry.ts';
import { composing, ownSession } from '../database/session.ts';
import { ConfigurationError } from '../errors/errors.ts';
import { faultCode } from '../errors/faults.ts';
import type { Finding } from '../finding.ts';
import { inspectCollation } from './collation.ts';
import { inspectKeyColumn, inspectTokenColumn } from './columns.ts';
import { inspectConnections } from './connections.ts';
import { inspectConstraints } from './constraints.ts';
import { inspectEncoding } from './encoding.ts';
import { inspectForeignKeys } from './foreign-keys.ts';
import { inspectGeneratedColumns } from './generated-columns.ts';
import { inspectGracePeriod } from './grace-period.ts';
import { inspectIndexes, inspectUniqueIndex } from './indexes.ts';
import { inspectLogging } from './logging.ts';
import { inspectLongTransactions } from './long-transactions.ts';
import { inspectPrivileges } from './privileges.ts';
import { inspectPublications } from './publications.ts';
import { inspectReplication } from './replication.ts';
import { inspectReplicationRole } from './replication-role.ts';
import { inspectVersion, inspectWritability } from './server.ts';
import { inspectStoredForm } from './stored-form.ts';
import { isTable, judgeRelations, readRelations } from './table.ts';
import { inspectTimeZone } from './time-zone.ts';
import { inspectTokenKind } from './token-kind.ts';
import { inspectTouchedColumns } from './touched-columns.ts';
import { inspectRules, inspectTriggers } from './triggers.ts';
import { type Verdict, warning } from './verdict.ts';

/** Input of the checks. */
type RelevantSettings = Pick<Settings, 'workers' | 'tokens' | 'condemn'>;

/** By name, in order. */
type Checks = Record<string, (database: Queryable, target: Target, settings: RelevantSettings) => Promise<Verdict>>;

/** They need a table to look at. */
const OF_THE_TABLE: Checks = {
  privileges: inspectPrivileges,
  'key-column': inspectKeyColumn,
  'token-column': inspectTokenColumn,
  encoding: inspectEncoding,
  'token-kind': inspectTokenKind,
  'unique-index': inspectUniqueIndex,
  collation: inspectCollation,
  'foreign-keys': inspectForeignKeys,
  constraints: inspectConstraints,
  triggers: inspectTriggers,
  'replication-role': inspectReplicationRole,
  rules: inspectRules,
  'touched-columns': inspectTouchedColumns,
  'time-zone': inspectTimeZone,
  'generated-columns': inspectGeneratedColumns,
  indexes: inspectIndexes,
  publications: (database, target) => orUnknown(inspectPublications(database, target)),
};

/** Only for targets that keep old tokens for a while. */
const OF_GRACE: Checks = { 'grace-period': inspectGracePeriod };

/** It reads rows, so it needs all that a rotation needs. */
const OF_THE_ROWS: Checks = { 'stored-form': inspectStoredForm };

/** A rotation works without them. */
const OF_ITS_SURROUNDINGS: Checks = {
  'statement-logging': (database, _, settings) => orUnknown(inspectLogging(database, settings)),
  replication: (database) => orUnknown(inspectReplication(database)),
  'long-transactions': (database) => orUnknown(inspectLongTransactions(database)),
  connections: (database, _, settings) => orUnknown(inspectConnections(database, settings)),
};

/** Runs a step, perhaps several times. */
type Attempt = <Result>(step: () => Promise<Result>) => Promise<Result>;

/**
 * Checks that a rotation can keep its promises in this database, and warns of side effects. Changes nothing.
 *
 * @param given one of its connections is used, for about a tenth of a second
 * @param attempt runs one check. @default once
 * @returns findings in the order of the checks; `stop` findings forbid the rotation. Checks that make no sense after one
 * of them, such as those of a missing table, are skipped
 */
export async function inspectDatabase(
  given: Queryable,
  target: Target,
  settings: RelevantSettings,
  attempt: Attempt = (step) => step(),
): Promise<Finding[]> {
  const database = composing(given);
  const version = { check: 'server-version', ...(await attempt(() => inspectVersion(database))) };
  if (version.level === 'stop') return [version]; // its catalog is another one
  const writable = { check: 'writable', ...(await attempt(() => inspectWritability(database))) };
  const relations = await attempt(() => readRelations(database, target));
  const table = { check: 'table', ...judgeRelations(relations) };
  const ofTheTable = isTable(relations, target.tableName) ? OF_THE_TABLE : {};
  const findings: Finding[] = [version, writable, table];
  const add = async (checks: Checks) => {
    for (const [check, inspect] of Object.entries(checks))
      findings.push({ check, ...(await attempt(() => inspect(database, target, settings))) });
  };
  await add(ofTheTable);
  if (target.grace !== null) await add(OF_GRACE);
  if (findings.every(({ level }) => level !== 'stop')) await add(OF_THE_ROWS);
  await add(OF_ITS_SURROUNDINGS);
  return findings;
}

/**
 * Runs the preflight and reports its findings. A check that meets a passing fault is repeated, and not those before it.
 *
 * @throws ConfigurationError with the findings that forbid the rotation, and their advice
 */
export async function assertReady(context: RotationContext): Promise<void> {
  const { database, target, settings, onEvent } = context;
  const findings = await inspectDatabase(database, target, settings, (step) => retry(context, step));
  onEvent({ type: 'preflight', findings });
  const stops = findings.filter(({ level }) => level === 'stop');
  if (stops.length === 0) return;
  const reasons = stops.map(({ message, advice }) => (advice ? `${message} ${advice}` : message));
  throw new ConfigurationError(`the database is not ready, so nothing was changed: ${reasons.join(' ')}`);
}

/** SQLSTATE of a statement whose table is missing. */
const UNDEFINED_TABLE = '42P01';

/**
 * Reads what earlier runs have recorded. Where the tables for that are missing, the preflight says which, and why.
 *
 * @throws ConfigurationError then
 */
export async function readRecords<Records>(context: RotationContext, read: () => Promise<Records>): Promise<Records> {
  try {
    return await retry(context, read);
  } catch (error) {
    if (faultCode(error) === UNDEFINED_TABLE) await assertReady(context);
    throw error;
  }
}

/**
 * Makes sure that nothing is hidden from a look at the table.
 *
 * @throws ConfigurationError when there is no such table, or this user does not see every row of it
 */
export async function assertVisible(context: RotationContext): Promise<void> {
  const { message, advice, level } = await retry(context, async () =>
    judgeRelations(await readRelations(ownSession(context.database), context.target)),
  );
  if (level === 'stop') throw new ConfigurationError(`nothing was verified: ${message} ${advice}`);
}

/** Of the server's answers: no privilege, not supported, no such function, table or column. */
const UNREADABLE = ['42501', '0A000', '42883', '42P01', '42703'];

/** Hardened servers, and services that only resemble PostgreSQL, deny part of what others show to every user. */
async function orUnknown(inspection: Promise<Verdict>): Promise<Verdict> {
  try {
    return await inspection;
  } catch (error) {
    const code = faultCode(error);
    if (code === undefined || !UNREADABLE.includes(code)) throw error;
    return warning(
      `the server denied the answer (${code}).`,
      'GRANT pg_monitor to the user of DATABASE_URL, or check this by other means.',
    );
  }
}
