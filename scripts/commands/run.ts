import {
  databaseLabel,
  openDatabase,
  parseDatabaseUrl,
  type RotationEvent,
  type RotationResult,
  rehearse,
  rotate,
} from '../../src/index.ts';
import { exitCodeOfError, exitCodeOfSignal } from '../cli/exit-code.ts';
import { jsonReporter } from '../cli/json-reporter.ts';
import { keepMemorySmall } from '../cli/memory.ts';
import type { Reporter } from '../cli/reporter.ts';
import { parseRotateOptions, type RotateOptions } from '../cli/rotate-options.ts';
import { endBy, type Interruption, interruptOnSignals } from '../cli/signals.ts';
import { textReporter } from '../cli/text-reporter.ts';

/** @param args what follows `run` @returns the exit code */
export async function runCommand(args: string[]): Promise<number> {
  // Bad options are reported in the form that was asked for, too.
  let reporter = reporterFor(args.includes('--json'), null, false);
  try {
    const { settings, dryRun, json } = await parseRotateOptions(args);
    reporter = reporterFor(json, settings.name, dryRun);
    const interruption = interruptOnSignals(reporter.stopping, reporter.stopped);
    const result = await run(settings, dryRun, reporter, interruption);
    if (result === null) return 0;
    reporter.end(result);
    if (result.outcome !== 'interrupted') return 0;
    const signal = interruption.received ?? 'SIGTERM';
    if (signal === 'SIGHUP') endBy(signal);
    return exitCodeOfSignal(signal);
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
  settings: RotateOptions['settings'],
  dryRun: boolean,
  reporter: Reporter,
  { signal }: Interruption,
): Promise<RotationResult | null> {
  const url = parseDatabaseUrl(process.env);
  reporter.begin({ rotation: settings.name, database: databaseLabel(url) });
  const trimMemory = keepMemorySmall();
  const database = openDatabase(url, { connections: settings.workers + 1, rotation: settings.name });
  const onEvent = (event: RotationEvent) => {
    reporter.event(event);
    if (event.type === 'batch') trimMemory();
  };
  try {
    const context = { database, settings, signal, onEvent };
    if (!dryRun) return await rotate(context);
    reporter.rehearsed(await rehearse(context));
    return null;
  } finally {
    await database.$disconnect();
  }
}
