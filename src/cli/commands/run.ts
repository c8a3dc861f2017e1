import { extname } from 'node:path';
import { parseSettings } from '../../config/settings.ts';
import { exitCodeOfError, worstExitCode } from '../exit-code.ts';
import { jsonLines } from '../json-lines.ts';
import type { Reporter } from '../reporters/reporter.ts';
import { parseRotateOptions, type RotateOptions } from '../rotate-options.ts';
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
    const interruption = interruptOnSignals(
      (signal) => reporter.stopping(signal),
      () => reporter.stopped(),
    );
    if (targets === undefined) return await runTarget({ ...options, onReporter }, interruption);
    return await runTargets(options, targets, interruption, onReporter);
  } catch (error) {
    reporter.fail(error);
    return exitCodeOfError(error);
  }
}

/** The end of one of several targets. */
interface TargetEnd {
  target: string;
  rotation: string;
  exitCode: number;
}

/** Rotates targets one after another, also after one has failed, each as a rotation of its own. */
async function runTargets(
  options: RotateOptions,
  targets: readonly string[],
  interruption: Interruption,
  onReporter: (reporter: Reporter) => void,
): Promise<number> {
  const ends: TargetEnd[] = [];
  for (const target of targets) {
    const settings = parseSettings({ ...options.settings, name: `${options.settings.name}:${target}` });
    const report = options.report === undefined ? undefined : reportOf(options.report, target);
    const exitCode = await runTarget({ ...options, settings, target, report, onReporter }, interruption);
    ends.push({ target, rotation: settings.name, exitCode });
    if (interruption.received !== undefined || (options.failFast && exitCode !== 0)) break;
  }
  if (options.json) jsonLines(options.settings.name, process.stdout)('targets', { targets: ends, of: targets.length });
  else process.stdout.write(`${describeEnds(ends, targets.length)}\n`);
  if (interruption.received !== undefined) return exitCodeAfter(interruption.received);
  return worstExitCode(ends.map(({ exitCode }) => exitCode));
}

/** `2 of 3 targets are done; not: invite (exit code 1).` */
function describeEnds(ends: readonly TargetEnd[], count: number): string {
  const failed = ends.filter(({ exitCode }) => exitCode !== 0);
  const done = `${ends.length - failed.length} of ${count} targets are done`;
  if (failed.length === 0 && ends.length === count) return `${done}.`;
  const others = failed.map(({ target, exitCode }) => `${target} (exit code ${exitCode})`);
  const left = count - ends.length > 0 ? [`${count - ends.length} not begun`] : [];
  return `${done}; not: ${[...others, ...left].join(', ')}. The same command continues.`;
}

/** `report.html` → `report.invite.html` */
function reportOf(path: string, target: string): string {
  const extension = extname(path);
  return `${path.slice(0, path.length - extension.length)}.${target}${extension}`;
}
