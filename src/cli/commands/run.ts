import { parseSettings } from '../../config/settings.ts';
import { checkReportPath } from '../../report/page/write-report.ts';
import type { RecordedIn } from '../../report/rotation-report.ts';
import type { MissingRotation } from '../../report/rotation-schema.ts';
import { printable } from '../../text/printable.ts';
import { listed } from '../../text/wording.ts';
import { databasesIn } from '../databases-in.ts';
import { exitCodeOfError, worstExitCode } from '../exit-code.ts';
import { jsonLines } from '../json-lines.ts';
import type { Place } from '../open-target.ts';
import type { Reporter } from '../reporters/reporter.ts';
import { parseRotateOptions, type RotateOptions } from '../rotate-options.ts';
import { sayError } from '../say-error.ts';
import { schemasOf } from '../schemas-of.ts';
import { exitCodeAfter, type Interruption, interruptOnSignals } from '../signals.ts';
import { targetsOf } from '../targets-of.ts';
import { reporterFor, runTarget } from './run-target.ts';

/** @param args what follows `run` @returns the exit code */
export async function runCommand(args: string[]): Promise<number> {
  // Bad options are reported in the form that was asked for, too.
  let reporter = reporterFor(args.includes('--json'), null, false);
  const onReporter = (current: Reporter) => {
    reporter = current;
  };
  try {
    const options = await parseRotateOptions(args);
    const interruption = interruptOnSignals(
      (signal) => reporter.stopping(signal),
      () => reporter.stopped(),
    );
    const parts = await partsOf(options);
    if (parts === undefined) return await runTarget({ ...options, onReporter }, interruption);
    return await runParts(options, parts, interruption, onReporter);
  } catch (error) {
    reporter.fail(error);
    return exitCodeOfError(error);
  }
}

/** One of several rotations that a run consists of. */
interface Part extends Place {
  /** Undefined: the only target. */
  target: string | undefined;
}

/** @returns undefined for one target in one place */
async function partsOf({ target, databases, schemas }: RotateOptions): Promise<Part[] | undefined> {
  const targets = await targetsOf(target);
  if (targets === undefined && databases === undefined && schemas === undefined) return undefined;
  const parts: Part[] = [];
  for (const variable of databases === undefined ? [undefined] : await databasesIn(databases)) {
    for (const schema of schemas === undefined ? [undefined] : await schemasOf(schemas, variable)) {
      for (const each of targets ?? [target]) parts.push({ variable, schema, target: each });
    }
  }
  return parts;
}

/** Its end. */
interface PartEnd extends Part {
  rotation: string;
  exitCode: number;
}

/** Rotates targets one after another, also after one has failed, each as a rotation of its own. */
async function runParts(
  options: RotateOptions,
  parts: readonly Part[],
  interruption: Interruption,
  onReporter: (reporter: Reporter) => void,
): Promise<number> {
  const { report } = options;
  if (report !== undefined) await checkReportPath(report);
  const ends: PartEnd[] = [];
  for (const part of parts) {
    const settings = parseSettings({ ...options.settings, name: nameOf(options.settings.name, part) });
    const run = { ...options, ...part, settings, report: undefined, onReporter };
    const exitCode = await runTarget(run, interruption);
    ends.push({ ...part, rotation: settings.name, exitCode });
    if (interruption.received !== undefined || (options.failFast && exitCode !== 0)) break;
  }
  if (options.json)
    jsonLines(options.settings.name, process.stdout)('rotations', { rotations: ends, of: parts.length });
  else process.stdout.write(`${printable(describeEnds(ends, parts.length))}\n`);
  if (report !== undefined)
    await reportAll(report, options.settings.name, parts).catch((error: unknown) => sayError(error));
  if (interruption.received !== undefined) return exitCodeAfter(interruption.received);
  return worstExitCode(ends.map(({ exitCode }) => exitCode));
}

/** `leak:customer:tenant_7`; each database has records of its own. */
function nameOf(name: string, { target, schema }: Part): string {
  return [name, target, schema].filter((part) => part !== undefined).join(':');
}

/** `2 of 3 rotations are done; not: leak:invite (exit code 1). The same command continues.` */
function describeEnds(ends: readonly PartEnd[], count: number): string {
  const failed = ends.filter(({ exitCode }) => exitCode !== 0);
  const done = `${ends.length - failed.length} of ${count} rotations are done`;
  if (failed.length === 0 && ends.length === count) return `${done}.`;
  const others = failed.map(({ rotation, variable, exitCode }) => {
    const where = variable === undefined ? '' : ` in ${variable}`;
    return `${rotation}${where} (exit code ${exitCode})`;
  });
  const left = count - ends.length > 0 ? [`${count - ends.length} not begun`] : [];
  return `${done}; not: ${listed([...others, ...left])}. The same command continues.`;
}

/** One report of all rotations, whatever came of them. */
async function reportAll(path: string, name: string, parts: readonly Part[]): Promise<void> {
  const { readRecorded, writeRotationReport } = await import('../rotation-report-file.ts');
  const recorded: RecordedIn[] = [];
  const missing: MissingRotation[] = [];
  for (const part of parts) {
    const rotation = nameOf(name, part);
    const found = await readRecorded((each) => each === rotation, part).catch(() => null);
    recorded.push(...(found ?? []));
    if (found?.length === 1) continue;
    const label = part.variable === undefined ? rotation : `${rotation} in ${part.variable}`;
    missing.push({ rotation: label, why: found === null ? 'unreadable' : 'not begun' });
  }
  await writeRotationReport(path, recorded, missing);
}
