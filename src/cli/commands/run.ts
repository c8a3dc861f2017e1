import { extname } from 'node:path';
import { parseSettings } from '../../config/settings.ts';
import { printable } from '../../text/printable.ts';
import { listed } from '../../text/wording.ts';
import { exitCodeOfError, worstExitCode } from '../exit-code.ts';
import { jsonLines } from '../json-lines.ts';
import type { Reporter } from '../reporters/reporter.ts';
import { parseRotateOptions, type RotateOptions } from '../rotate-options.ts';
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
    const targets = await targetsOf(options.target);
    const schemas = options.schemas === undefined ? undefined : await schemasOf(options.schemas);
    const interruption = interruptOnSignals(
      (signal) => reporter.stopping(signal),
      () => reporter.stopped(),
    );
    if (targets === undefined && schemas === undefined) {
      return await runTarget({ ...options, onReporter }, interruption);
    }
    const parts = (schemas ?? [undefined]).flatMap((schema) =>
      (targets ?? [options.target]).map((target): Part => ({ target, schema })),
    );
    return await runParts(options, parts, interruption, onReporter);
  } catch (error) {
    reporter.fail(error);
    return exitCodeOfError(error);
  }
}

/** One of several rotations that a run consists of. */
interface Part {
  /** Undefined: the only target. */
  target: string | undefined;
  /** Undefined: the schema that Prisma's queries use. */
  schema: string | undefined;
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
  const ends: PartEnd[] = [];
  for (const part of parts) {
    const settings = parseSettings({ ...options.settings, name: [options.settings.name, nameOf(part)].join(':') });
    const report = options.report === undefined ? undefined : reportOf(options.report, nameOf(part));
    const exitCode = await runTarget({ ...options, ...part, settings, report, onReporter }, interruption);
    ends.push({ ...part, rotation: settings.name, exitCode });
    if (interruption.received !== undefined || (options.failFast && exitCode !== 0)) break;
  }
  if (options.json)
    jsonLines(options.settings.name, process.stdout)('rotations', { rotations: ends, of: parts.length });
  else process.stdout.write(`${printable(describeEnds(ends, parts.length))}\n`);
  if (interruption.received !== undefined) return exitCodeAfter(interruption.received);
  return worstExitCode(ends.map(({ exitCode }) => exitCode));
}

/** `customer`, `tenant_7`, `customer:tenant_7` */
function nameOf({ target, schema }: Part): string {
  return [target, schema].filter((name) => name !== undefined).join(':');
}

/** `2 of 3 rotations are done; not: leak:invite (exit code 1). The same command continues.` */
function describeEnds(ends: readonly PartEnd[], count: number): string {
  const failed = ends.filter(({ exitCode }) => exitCode !== 0);
  const done = `${ends.length - failed.length} of ${count} rotations are done`;
  if (failed.length === 0 && ends.length === count) return `${done}.`;
  const others = failed.map(({ rotation, exitCode }) => `${rotation} (exit code ${exitCode})`);
  const left = count - ends.length > 0 ? [`${count - ends.length} not begun`] : [];
  return `${done}; not: ${listed([...others, ...left])}. The same command continues.`;
}

/** `report.html` → `report.invite.html` */
function reportOf(path: string, part: string): string {
  const extension = extname(path);
  return `${path.slice(0, path.length - extension.length)}.${part.replace(':', '.')}${extension}`;
}
