import { config as loadDotenv } from 'dotenv';
import {
  databaseLabel,
  openDatabase,
  parseDatabaseUrl,
  type RotationEvent,
  type RotationResult,
  rotate,
} from '../src/index.ts';
import { exitCodeOfError, exitCodeOfSignal } from './cli/exit-code.ts';
import { jsonReporter } from './cli/json-reporter.ts';
import { keepMemorySmall } from './cli/memory.ts';
import type { Reporter } from './cli/reporter.ts';
import { parseRotateOptions, type RotateOptions } from './cli/rotate-options.ts';
import { endBy, type Interruption, interruptOnSignals } from './cli/signals.ts';
import { textReporter } from './cli/text-reporter.ts';
import { verifyCommand } from './commands/verify.ts';

// Whoever reads along may go away (`| head -1`); the rotation is not theirs to stop.
process.stdout.on('error', () => {});
process.stderr.on('error', () => {});

process.exitCode = await main(process.argv.slice(2));

async function main(args: string[]): Promise<number> {
  if (args[0] === 'verify') return verifyCommand(args.slice(1));
  // Bad options are reported in the form that was asked for, too.
  let reporter = reporterFor(args.includes('--json'), null);
  try {
    const { settings, json } = await parseRotateOptions(args);
    reporter = reporterFor(json, settings.name);
    const interruption = interruptOnSignals(reporter.stopping, reporter.stopped);
    const result = await run(settings, reporter, interruption);
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

function reporterFor(json: boolean, rotation: string | null): Reporter {
  return json ? jsonReporter(rotation, process.stdout) : textReporter(rotation ?? '', process.stdout, process.stderr);
}

async function run(
  settings: RotateOptions['settings'],
  reporter: Reporter,
  { signal }: Interruption,
): Promise<RotationResult> {
  loadDotenv({ quiet: true });
  const url = parseDatabaseUrl(process.env);
  reporter.begin({ rotation: settings.name, database: databaseLabel(url) });
  const trimMemory = keepMemorySmall();
  const database = openDatabase(url, { connections: settings.workers + 1, rotation: settings.name });
  const onEvent = (event: RotationEvent) => {
    reporter.event(event);
    if (event.type === 'batch') trimMemory();
  };
  try {
    return await rotate({ database, settings, signal, onEvent });
  } finally {
    await database.$disconnect();
  }
}
