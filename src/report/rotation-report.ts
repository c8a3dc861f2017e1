import packageJson from '../../package.json' with { type: 'json' };
import type { Check } from '../checkpoint/checks.ts';
import type { Run } from '../checkpoint/runs.ts';
import type { RotationStatus } from '../checkpoint/status.ts';
import { describeOrder } from './order-text.ts';
import { plainFinding } from './report.ts';
import type { MissingRotation, ReportedRotation, RotationReport } from './rotation-schema.ts';
import { summariseMissing, summariseRotation } from './rotation-summary.ts';

/** A rotation as it is recorded, and the `databaseLabel` of where. */
export interface RecordedIn {
  status: RotationStatus;
  database: string;
}

/**
 * The report of whole rotations, in this order.
 *
 * @param missing those that were asked for, and of which nothing is known
 */
export function buildRotationReport(
  recorded: readonly RecordedIn[],
  writtenAt: Date,
  missing: readonly MissingRotation[] = [],
): RotationReport {
  const rotations = recorded.map(reported);
  return {
    format: 1,
    tool: { name: 'rotate-tokens', version: packageJson.version },
    writtenAt: writtenAt.toISOString(),
    rotations,
    missing: [...missing],
    summary: [...rotations.map(summariseRotation), ...missing.map(summariseMissing)].join('\n\n'),
  };
}

function reported({ status, database }: RecordedIn): ReportedRotation {
  const { rowsDone, rowsTotal, totalIsEstimate, rowsSetAside, completedAt, verifiedAt, partitions } = status;
  return {
    rotation: status.rotation,
    target: status.target,
    database,
    state: status.state,
    startedAt: status.startedAt.toISOString(),
    completedAt: completedAt?.toISOString() ?? null,
    verifiedAt: verifiedAt?.toISOString() ?? null,
    // What was estimated gives way to what was counted.
    rows: {
      done: rowsDone,
      total: completedAt === null ? Math.max(rowsTotal, rowsDone) : rowsDone,
      totalIsEstimate: totalIsEstimate && completedAt === null,
      setAside: rowsSetAside,
    },
    condemned: status.condemned,
    listSha256: status.listSha256,
    runs: status.runs.map((run) => describeRun(run, status.processes.includes(run))),
    orders: status.orders.map((order) => ({ at: order.givenAt.toISOString(), order: describeOrder(order) })),
    checks: status.checks.map(describeCheck),
    faults: partitions.flatMap(({ partition, lastFault }) =>
      lastFault === null ? [] : [{ at: lastFault.at.toISOString(), partition, fault: lastFault.fault }],
    ),
  };
}

function describeRun(run: Run, isAlive: boolean): ReportedRotation['runs'][number] {
  const { host, pid, role, startedAt, endedAt, outcome, rowsRotated } = run;
  return {
    host,
    pid,
    databaseUser: role,
    startedAt: startedAt.toISOString(),
    endedAt: endedAt?.toISOString() ?? null,
    outcome: outcome ?? (isAlive ? 'running' : 'lost'),
    rows: Number(rowsRotated),
  };
}

function describeCheck(check: Check): ReportedRotation['checks'][number] {
  const { checkedAt, checkedBy, role, listSha256, findings } = check;
  const numberOf = (count: bigint | null) => (count === null ? null : Number(count));
  return {
    at: checkedAt.toISOString(),
    by: checkedBy,
    databaseUser: role,
    listSha256,
    tokensChecked: numberOf(check.tokensChecked),
    rowsFound: numberOf(check.rowsFound),
    findings: findings.map(plainFinding),
  };
}
