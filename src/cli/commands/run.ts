import type { RotationEvent } from '../../context.ts';
import { type RunReport, startReport } from '../../report/page/run-report.ts';
import { lacksCharts } from '../../report/page/write-report.ts';
import { rehearse } from '../../rotate/dry-run.ts';
import { type RotationResult, rotate } from '../../rotate/rotation.ts';
import { exitCodeOfError } from '../exit-code.ts';
import { keepMemorySmall } from '../memory.ts';
import { openTarget } from '../open-target.ts';
import { jsonReporter } from '../reporters/json-reporter.ts';
import type { Reporter } from '../reporters/reporter.ts';
import { textReporter } from '../reporters/text-reporter.ts';
import { parseRotateOptions, type RotateOptions } from '../rotate-options.ts';
import { exitCodeAfter, type Interruption, interruptOnSignals } from '../signals.ts';

/** @param args what follows `run` @returns the exit code */
export async function runCommand(args: string[]): Promise<number> {
  // Bad options are reported in the form that was asked for, too.
  let reporter = reporterFor(args.includes('--json'), null, false);
  try {
    const options = await parseRotateOptions(args);
    reporter = reporterFor(options.json, options.settings.name, options.dryRun);
    const interruption = interruptOnSignals(reporter.stopping, reporter.stopped);
    const result = await run(options, reporter, interruption);
    if (result?.outcome !== 'interrupted') return 0;
    return exitCodeAfter(interruption.received ?? 'SIGTERM');
  } catch (error) {
    reporter.fail(error);
    return exitCodeOfError(error);
  }
}

function reporterFor(json: boolean, rotation: string | null, dryRun: boolean): Reporter {
  return json
    ? jsonReporter(rotation, process.stdout)
    : textReporter(rotation ?? '', process.stdout, process.stderr, dryRun);
}

/** @returns null after a dry run */
async function run(
  { settings, target: name, dryRun, report: path }: RotateOptions,
  reporter: Reporter,
  { signal }: Interruption,
): Promise<RotationResult | null> {
  const connections = settings.workers + 1;
  const { target, database, label } = await openTarget(name, { connections, rotation: settings.name });
  const report = path === undefined ? undefined : await startReport(path, label, target, settings);
  if (path !== undefined && lacksCharts(path)) {
    process.stderr.write(
      'rotate-tokens: the report will have no charts. To include them, run `npm install echarts` first.\n',
    );
  }
  reporter.begin({ rotation: settings.name, target, database: label });
  const trimMemory = keepMemorySmall();
  const onEvent = (event: RotationEvent) => {
    reporter.event(event);
    report?.event(event);
    if (event.type === 'batch') trimMemory();
  };
  const context = { database, target, settings, signal, onEvent };
  try {
    if (!dryRun) return await reported(rotate(context), reporter, report);
    reporter.rehearsed(await rehearse(context));
    return null;
  } finally {
    await database.$disconnect();
  }
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
  await report?.write({ result });
  return result;
}
