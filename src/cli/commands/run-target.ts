import { whoIsThis } from '../../checkpoint/who.ts';
import { MAX_WORKERS } from '../../config/settings.ts';
import type { RotationEvent } from '../../context.ts';
import { isAbort } from '../../database/retry.ts';
import { lacksCharts, type RunReport, startReport } from '../../report/page/run-report.ts';
import { rehearse, rehearseList } from '../../rotate/dry-run.ts';
import { type RotationResult, rotate } from '../../rotate/rotation.ts';
import type { LeakedFile } from '../../verify/leaked-list.ts';
import { exitCodeOfError } from '../exit-code.ts';
import { type EventHook, eventHook, jsonLines } from '../json-lines.ts';
import type { LeakedSource } from '../list-options.ts';
import { keepMemorySmall } from '../memory.ts';
import { type OpenTarget, openTarget, type Place } from '../open-target.ts';
import { jsonReporter } from '../reporters/json-reporter.ts';
import { both, type Reporter } from '../reporters/reporter.ts';
import { textReporter } from '../reporters/text-reporter.ts';
import type { RotateOptions } from '../rotate-options.ts';
import { sayError } from '../say-error.ts';
import { exitCodeAfter, type Interruption } from '../signals.ts';

/** A run as the options describe it, of one target. */
export interface TargetRun extends RotateOptions, Place {
  /** Gets the reporter of the run, for signals. */
  onReporter: (reporter: Reporter) => void;
}

/** Rotates one target, or rehearses that. @returns the exit code */
export async function runTarget(options: TargetRun, interruption: Interruption): Promise<number> {
  const { name } = options.settings;
  let reporter = reporterFor(options.json, name, options.dryRun);
  options.onReporter(reporter);
  let hook: EventHook | undefined;
  try {
    const connections = MAX_WORKERS + 1; // `set` may raise the number of workers
    const opened = await openTarget(options.target, { connections, rotation: name }, options);
    if (opened.onEvent !== undefined) {
      hook = eventHook(name, opened.onEvent, warnOfHook);
      reporter = both(reporter, jsonReporter(hook.write));
      options.onReporter(reporter);
    }
    const result = await run(options, opened, reporter, interruption);
    await settle(hook);
    return result?.outcome === 'interrupted' ? exitCodeAfter(interruption.received ?? 'SIGTERM') : 0;
  } catch (error) {
    const { received } = interruption;
    const isInterrupted = received !== undefined && isAbort(error);
    if (isInterrupted) reporter.end({ outcome: 'interrupted', counts: null });
    else reporter.fail(error);
    await settle(hook);
    return isInterrupted ? exitCodeAfter(received) : exitCodeOfError(error);
  }
}

function warnOfHook(): void {
  process.stderr.write(
    'rotate-tokens: onEvent failed for an event. The rotation goes on; later failures are not shown.\n',
  );
}

/** Gives the last calls of `onEvent` some time. What hangs after that must not keep the process from ending. */
async function settle(hook: EventHook | undefined): Promise<void> {
  if (hook === undefined || (await hook.settled())) return;
  process.stderr.write('rotate-tokens: onEvent did not end for some of the last events.\n');
  setImmediate(() => process.exit()); // by then, the exit code is set
}

/** @param rotation null while the options are not understood */
export function reporterFor(json: boolean, rotation: string | null, dryRun: boolean): Reporter {
  return json
    ? jsonReporter(jsonLines(rotation, process.stdout))
    : textReporter(rotation ?? '', process.stdout, process.stderr, dryRun);
}

/** @returns null after a dry run */
async function run(
  { settings, only: list, dryRun, report: path }: RotateOptions,
  { target, database, label, user, throttle }: OpenTarget,
  reporter: Reporter,
  { signal }: Interruption,
): Promise<RotationResult | null> {
  const by = { who: whoIsThis(), databaseUser: user };
  const report = path === undefined ? undefined : await startReport(path, label, by, target, settings);
  if (path !== undefined && lacksCharts(path)) {
    process.stderr.write(
      'rotate-tokens: the report will have no charts. To include them, run `npm install echarts` first.\n',
    );
  }
  const only = list && (await openList(list, signal));
  reporter.begin({ rotation: settings.name, target, database: label, list: only?.sha256 ?? null });
  const trimMemory = keepMemorySmall();
  const onEvent = (event: RotationEvent) => {
    reporter.event(event);
    report?.event(event);
    if (event.type === 'batch') trimMemory();
  };
  const context = { database, target, settings, signal, onEvent, ...(throttle && { throttle }), ...(only && { only }) };
  try {
    if (!dryRun) return await reported(rotate(context), reporter, report);
    if (only) {
      await rehearseList(context, only);
      reporter.rehearsed('listed');
    } else reporter.rehearsed(await rehearse(context));
    return null;
  } finally {
    await database.$disconnect();
  }
}

/** Loads what reads lists only where there is one: the command starts sooner without. */
async function openList(list: LeakedSource, signal: AbortSignal): Promise<LeakedFile> {
  const { openLeakedFile } = await import('../leaked-file.ts');
  return openLeakedFile(list, signal);
}

/** Has the report written at whatever end. */
async function reported(
  running: Promise<RotationResult>,
  reporter: Reporter,
  report: RunReport | undefined,
): Promise<RotationResult> {
  const result = await running.catch(async (error: unknown) => {
    await report?.write({ error }).catch(() => {}); // what went wrong before is more important
    throw error;
  });
  reporter.end(result);
  await report?.write({ result }).catch((error: unknown) => sayError(error)); // the exit code is about the rotation
  return result;
}
