import type { Run } from '../../checkpoint/runs.ts';
import type { PartitionStatus, RotationStatus } from '../../checkpoint/status.ts';
import { adviseOnOrder, describeOrder, describeOverrides } from '../../report/order-text.ts';
import {
  formatClock,
  formatCount,
  formatDuration,
  formatPercent,
  formatSeconds,
  formatTime,
  formatTotal,
} from '../../text/format.ts';
import { countOf, shortened } from '../../text/wording.ts';

/**
 * A rotation's status for people.
 *
 * @param earlier the same, some seconds before, for the rate
 */
export function describeStatus(status: RotationStatus, earlier: RotationStatus | undefined): string[] {
  return [
    `rotation '${status.rotation}' of ${shortened(status.target)}: ${status.state}`,
    `  ${progressOf(status, earlier)}`,
    `  started ${formatTime(status.startedAt)}, ${endOf(status)}`,
    ...steering(status),
    ...processes(status),
    `  ${countOf(status.partitions.length, 'partition')}: ${countStates(status.partitions)}`,
    ...status.partitions.filter(({ state }) => state === 'held').map(describeHeld),
    ...(status.rowsSetAside > 0 ? [`  ${formatCount(status.rowsSetAside)} rows set aside, locked or refused`] : []),
    ...lastFault(status),
    ...history(status),
  ];
}

function steering({ pausedUntil, overrides, orders }: RotationStatus): string[] {
  const pause = orders.find(({ action }) => action === 'pause');
  return [
    ...(pausedUntil === null ? [] : [`  ${pause === undefined ? 'paused' : adviseOnOrder(pause)}`]),
    ...(Object.keys(overrides).length === 0 ? [] : [`  settings changed by set: ${describeOverrides(overrides)}`]),
  ];
}

function processes({ processes, seenAt }: RotationStatus): string[] {
  if (processes.length === 0) return [];
  return [
    `  ${countOf(processes.length, 'process', 'processes')}:`,
    ...processes.map(({ host, pid, workers, rowsPerSecond, heldBackBy, heldBackDetail, heldBackSince }) => {
      const held =
        heldBackBy === null || heldBackSince === null
          ? ''
          : `, held back for ${formatSeconds(Math.max(0, Number(seenAt) - Number(heldBackSince)) / 1000)}: ${heldBackDetail}`;
      return `    ${host}, pid ${pid}: ${countOf(workers, 'worker')}, ${formatCount(rowsPerSecond)} rows/s${held}`;
    }),
  ];
}

/** Lines of the history that are shown. */
const HISTORY_SHOWN = 10;

/** Runs and orders, the last first. */
function history({ runs, orders, processes }: RotationStatus): string[] {
  const entries = [
    ...runs.map((run) => ({ at: run.startedAt, text: describeRun(run, processes.includes(run)) })),
    ...orders.map((order) => ({ at: order.givenAt, text: describeOrder(order) })),
  ].sort((a, b) => Number(b.at) - Number(a.at));
  if (entries.length === 0) return [];
  const more = entries.length - HISTORY_SHOWN;
  return [
    '  history, the last first:',
    ...entries.slice(0, HISTORY_SHOWN).map(({ at, text }) => `    ${formatTime(at)}  ${text}`),
    ...(more > 0 ? [`    and ${formatCount(more)} more`] : []),
  ];
}

function describeRun(
  { host, pid, role, startedAt, seenAt, endedAt, outcome, rowsRotated }: Run,
  isAlive: boolean,
): string {
  const end = outcome ?? (isAlive ? 'runs' : 'ended without a word');
  const took = formatDuration(Number(endedAt ?? seenAt) - Number(startedAt));
  return `${host}, pid ${pid}, as ${role}: ${end}, ${countOf(Number(rowsRotated), 'row')} in ${took}`;
}

function progressOf(status: RotationStatus, earlier: RotationStatus | undefined): string {
  const { rowsDone, rowsTotal, totalIsEstimate } = status;
  const total = { rowsTotal: Math.max(rowsTotal, rowsDone), totalIsEstimate };
  const facts = [
    formatPercent(total.rowsTotal === 0 ? 1 : rowsDone / total.rowsTotal),
    `${formatCount(rowsDone)} of ${formatTotal(total)}`,
  ];
  const rowsPerSecond = rateBetween(earlier, status);
  if (status.state !== 'running' || rowsPerSecond === null) return facts.join(' · ');
  const remainingMs = rowsPerSecond > 0 ? ((total.rowsTotal - rowsDone) / rowsPerSecond) * 1000 : null;
  return [...facts, `ETA ${formatClock(remainingMs)}`, `${formatCount(rowsPerSecond)} rows/s`].join(' · ');
}

/** Between two looks; null when they are the same one. */
function rateBetween(earlier: RotationStatus | undefined, now: RotationStatus): number | null {
  if (earlier === undefined || now.seenAt <= earlier.seenAt) return null;
  return ((now.rowsDone - earlier.rowsDone) * 1000) / (Number(now.seenAt) - Number(earlier.seenAt));
}

function endOf({ state, completedAt, startedAt, updatedAt, seenAt }: RotationStatus): string {
  if (state === 'complete' && completedAt !== null) {
    return `completed ${formatTime(completedAt)}, ${formatDuration(Number(completedAt) - Number(startedAt))} later`;
  }
  return `last written ${formatDuration(Math.max(0, Number(seenAt) - Number(updatedAt)))} ago`;
}

function countStates(partitions: readonly PartitionStatus[]): string {
  const states = ['complete', 'held', 'waiting', 'rows set aside'] as const;
  const counts = states.map((state) => [state, partitions.filter((each) => each.state === state).length] as const);
  return counts
    .filter(([, count]) => count > 0)
    .map(([state, count]) => `${count} ${state}`)
    .join(', ');
}

function describeHeld({ partition, rowsDone, holder, ...counted }: PartitionStatus): string {
  const total = { ...counted, rowsTotal: Math.max(rowsDone, counted.rowsTotal) };
  const share = formatPercent(total.rowsTotal === 0 ? 0 : rowsDone / total.rowsTotal);
  const since = holder ? `held by ${holder.claimant} since ${formatTime(holder.since)}` : '';
  return `    partition ${partition}: ${share}, ${formatCount(rowsDone)} of ${formatTotal(total)}, ${since}`;
}

/** The latest of all partitions. */
function lastFault({ partitions }: RotationStatus): string[] {
  const faults = partitions.flatMap(({ partition, lastFault }) => (lastFault ? [{ partition, ...lastFault }] : []));
  const [latest] = faults.sort((a, b) => Number(b.at) - Number(a.at));
  if (latest === undefined) return [];
  return [`  last fault, ${formatTime(latest.at)}, in partition ${latest.partition}: ${latest.fault}`];
}
