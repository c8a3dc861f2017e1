import type { RotationEvent } from '../../context.ts';
import { describeError } from '../../errors/describe-error.ts';
import { NoAnswerError, nameHolders } from '../../errors/errors.ts';
import { adviseOnOrder, describeOverrides } from '../../report/order-text.ts';
import type { ProgressSnapshot } from '../../report/progress.ts';
import type { Rehearsal } from '../../rotate/dry-run.ts';
import type { Counts, RotationResult } from '../../rotate/rotation.ts';
import { formatBytes, formatCount, formatDuration, formatTime, formatTotal } from '../../text/format.ts';
import { printable } from '../../text/printable.ts';
import { countOf, shortened } from '../../text/wording.ts';
import { exitCodeOfError } from '../exit-code.ts';
import { colored } from './color.ts';
import { describeFindings } from './findings.ts';
import { type ProgressDisplay, showProgress } from './progress-display.ts';
import type { Reporter } from './reporter.ts';
import { retryLines } from './retry-text.ts';

/** Progress of a pass over the table. */
type ScanProgress = Pick<Extract<RotationEvent, { type: 'checking' }>, 'blocksDone' | 'blocksTotal'>;

/**
 * For people: a bar on a terminal, lines in a log. What went wrong goes to stderr.
 *
 * @param showsAllFindings also those of the preflight that are ok
 */
export function textReporter(
  rotation: string,
  stdout: NodeJS.WritableStream,
  stderr: NodeJS.WritableStream,
  showsAllFindings = false,
): Reporter {
  let display: ProgressDisplay | undefined;
  let scan: ProgressDisplay | undefined;
  let last: ProgressSnapshot | undefined;
  let rows = 'every row';
  let isOfList = false;
  const stopDisplay = () => {
    last = display?.stop() ?? last;
    display = undefined;
  };
  /** A pass over the whole table, in rows, of which only the share is known. */
  const showScan = (label: string, rows: number, { blocksDone, blocksTotal }: ScanProgress) => {
    const start = { rowsDone: 0, rowsTotal: rows, totalIsEstimate: true };
    scan ??= showProgress(label, start, stdout);
    scan.setTotalDone(blocksTotal === 0 ? 0 : Math.round((rows * blocksDone) / blocksTotal));
    if (blocksDone === blocksTotal && blocksTotal > 0) stopScan();
  };
  const stopScan = () => {
    scan?.stop();
    scan = undefined;
  };
  const retries = retryLines();
  const say = (text: string) => {
    const line = colored(printable(text), stdout);
    if (scan) scan.say(line);
    else if (display) display.say(line);
    else stdout.write(`${line}\n`);
  };
  const sayUnlessCounted = (line: string | undefined) => line !== undefined && say(line);
  return {
    begin({ target, database, list }) {
      isOfList = list !== null;
      const inScope = target.scope === null ? 'every row' : 'every row in scope';
      rows = isOfList ? 'those of the list' : inScope;
      say(
        `rotating ${shortened(target.label)} in ${database}, rotation '${rotation}'${isOfList ? ', only the tokens of a list' : ''}`,
      );
    },
    event(event) {
      if (event.type === 'batch') display?.add(event.rows);
      else if (event.type === 'total') display?.setTotalDone(event.rowsDone);
      else if (event.type === 'throttled') display?.setWait(event.detail, event.waitMs);
      else if (event.type === 'retry') sayUnlessCounted(retries.lineFor(event));
      else if (event.type === 'preflight') describeFindings('preflight', event.findings, showsAllFindings).forEach(say);
      else if (event.type === 'verified') describeFindings('verification', event.findings, true).forEach(say);
      else if (event.type === 'condemning') showScan('condemning', event.rows, event);
      else if (event.type === 'checking') showScan('verifying', last?.rowsTotal ?? 0, event);
      else if (event.type === 'verifying') {
        stopDisplay();
        say(
          isOfList
            ? 'all rows are rotated; looking the list up again'
            : 'every partition is complete; verifying every row',
        );
      } else say(describeEvent(rotation, event));
      if (event.type === 'started') display = showProgress(rotation, event, stdout);
    },
    stopping: (signal) => say(`${signal}: finishing the batches in flight. A second one stops at once, which is safe.`),
    stopped: () => say('stopped at once; the batches in flight are rolled back. The same command continues.'),
    end(result) {
      stopScan();
      stopDisplay();
      retries.counted().forEach(say);
      say(describeResult(rotation, result, rows));
      if (last && last.rowsThisRun > 0) {
        const perSecond = last.rowsThisRun / (last.elapsedMs / 1000);
        say(
          `this run: ${countOf(last.rowsThisRun, 'row')} in ${formatDuration(last.elapsedMs)}, ${formatCount(perSecond)} rows/s`,
        );
      }
    },
    rehearsed: (rehearsal) => describeRehearsal(rotation, rehearsal).forEach(say),
    fail(error) {
      stopScan();
      stopDisplay();
      const mayHaveWritten = exitCodeOfError(error) === 1 && !(error instanceof NoAnswerError);
      const saved = mayHaveWritten ? ' What was committed is saved; the same command continues.' : '';
      stderr.write(`rotate-tokens: ${printable(describeError(error))}${saved}\n`);
    },
  };
}

type ShownOtherwise =
  | 'retry'
  | 'preflight'
  | 'batch'
  | 'total'
  | 'throttled'
  | 'condemning'
  | 'checking'
  | 'verifying'
  | 'verified';

function describeEvent(rotation: string, event: Exclude<RotationEvent, { type: ShownOtherwise }>): string {
  switch (event.type) {
    case 'started':
      return event.resumed
        ? `resuming '${rotation}' at ${formatCount(event.rowsDone)} of ${formatTotal(event)}`
        : `rotation '${rotation}': replacing ${formatTotal(event)} token${event.rowsTotal === 1 ? '' : 's'}`;
    case 'blocked':
      return `a batch is waiting for a lock held by PostgreSQL process ${event.pids.join(', ')} (see pg_stat_activity)`;
    case 'setAside':
      return `partition ${event.partition}: the row with key ${event.key} is set aside until all others are rotated: ${event.fault}`;
    case 'stuck':
      return `partition ${event.partition} is left unfinished; continuing with the others: ${event.fault}`;
    case 'tryingAgain':
      return `all other rows are rotated; retrying ${countOf(event.rows, 'row')} set aside in ${formatDuration(event.waitMs)}`;
    case 'order':
      return adviseOnOrder(event.order);
    case 'overridden':
      return `settings that were changed by set: ${describeOverrides(event.overrides)}`;
    case 'replicaLost':
      return `${event.name === null ? 'no replica streams from this server' : `replica ${event.name} does not stream`}, and --max-replica-lag-ms waits for it. To continue without it, run set --max-replica-lag-ms none`;
    case 'overtaken':
      return `partition ${event.partition} was taken over by another process while this one did not respond; the batch in flight was rolled back`;
    case 'openTransactions':
      return `waiting for ${event.pids.length > 0 ? `PostgreSQL process ${event.pids.join(', ')}` : 'a prepared transaction'}, which began to change the table before the rotation, to commit (see pg_stat_activity)`;
    case 'waitingForPlan':
      return 'another process is planning this rotation; waiting for it';
    case 'condemned':
      return `condemned ${countOf(event.tokens, 'token')}: none of them may be left at the end`;
    case 'listed':
      return describeListed(event);
    case 'survivors':
      return `${countOf(event.rows, 'row')} ${event.rows === 1 ? 'holds' : 'hold'} a condemned token, although all partitions are complete; rotating ${event.rows === 1 ? 'it' : 'them'}`;
    case 'waiting':
      return `no partition is free; waiting for ${nameHolders(event.holders)} to finish or time out`;
  }
}

function describeListed({ sha256, tokens, rows, rowsOutOfScope }: Extract<RotationEvent, { type: 'listed' }>): string {
  const outside = rowsOutOfScope > 0 ? `; ${countOf(rowsOutOfScope, 'more row')} with one out of scope` : '';
  return `list with SHA-256 ${sha256}: ${countOf(tokens, 'token')}, on ${countOf(rows, 'row')} in scope${outside}`;
}

/** @param scope which rows it is about, in words */
function describeResult(rotation: string, result: RotationResult, scope: string): string {
  switch (result.outcome) {
    case 'empty':
      return 'the table has no rows, so there is nothing to rotate. Nothing was recorded.';
    case 'interrupted':
      return `stopped${whereStopped(result.counts)}. The same command continues from here.`;
    case 'complete': {
      const facts = `${countOf(result.rowsDone, 'token')} replaced, ${scope} up to key ${result.watermark}`;
      return result.alreadyComplete
        ? `'${rotation}' was completed at ${formatTime(result.completedAt)} (${facts}). Nothing to do. To rotate again, use --again with another --name.`
        : `'${rotation}' is complete: ${facts}.`;
    }
  }
}

function whereStopped(counts: Counts | null): string {
  if (counts === null) return '; everything committed is saved';
  return ` at ${formatCount(counts.rowsDone)} of ${formatTotal(counts)}; everything committed is saved`;
}

function describeRehearsal(rotation: string, rehearsal: Rehearsal | 'listed' | null): string[] {
  if (rehearsal === 'listed') return [`dry run of '${rotation}': the list was looked up, and nothing was written.`];
  if (rehearsal === null) return [`dry run of '${rotation}': nothing is left to do.`];
  const { resumed, rows, rowsAreEstimate, partitions, watermark, batch, condemning, expected } = rehearsal;
  const total = formatTotal({ rowsTotal: rows, totalIsEstimate: rowsAreEstimate });
  return [
    `dry run of '${rotation}': one batch was written and rolled back, and nothing was recorded.`,
    `  plan      ${total} tokens${resumed ? ' left' : ''} in ${countOf(partitions, 'partition')}, up to key ${watermark}`,
    ...(condemning === null
      ? []
      : [`  condemn   the hashes of ${total} tokens, about ${formatBytes(condemning.bytes)} in the database`]),
    `  batch     ${formatCount(batch.rows)} rows in ${formatCount(batch.durationMs)} ms, ${formatBytes(batch.walBytes)} of WAL, ${describeGrowth('', batch.growthBytes)}`,
    `  expected  ${describeExpectation(expected)}`,
    ...(rehearsal.isSlowedByAfterBatch ? [SLOW_AFTER_BATCH] : []),
  ];
}

const SLOW_AFTER_BATCH =
  '  WARNING   afterBatch takes most of this time, during which the rows stay locked. Write all rows with one ' +
  'statement, such as createMany or UPDATE … WHERE id = ANY (…), instead of one per row.';

function describeExpectation(expected: Rehearsal['expected']): string {
  if (expected === null) return 'unknown, since no row of this batch is in scope';
  const [least, most] = [formatDuration(expected.leastMs), formatDuration(expected.mostMs)];
  return `${least === most ? `about ${least}` : `${least} to ${most}`}, up to ${formatBytes(expected.walBytes)} of WAL, ${describeGrowth('up to ', expected.growthBytes)}${expected.growthBytes > 0 ? ' until they are vacuumed' : ''}`;
}

/** A table with free space from earlier need not grow. */
function describeGrowth(most: string, bytes: number): string {
  return bytes > 0 ? `table and indexes ${most}${formatBytes(bytes)} larger` : 'table and indexes no larger';
}
