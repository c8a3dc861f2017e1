import type { Readable } from 'node:stream';
import type { RotationContext } from '../../context.ts';
import { isAbort } from '../../database/retry.ts';
import type { Finding } from '../../finding.ts';
import { assertVisible } from '../../preflight/preflight.ts';
import { leakedFinding, noListFinding, type RotationState } from '../../verify/leaked-finding.ts';
import { readLeakedList } from '../../verify/leaked-list.ts';
import { findSurvivors, type LeakedTokens, LOOKUPS_AT_A_TIME } from '../../verify/survivors.ts';
import { rotationState, verifyRotation } from '../../verify/verify.ts';
import { exitCodeOfError, NOT_VERIFIED } from '../exit-code.ts';
import { openFile } from '../leaked-file.ts';
import type { LeakedSource } from '../list-options.ts';
import { keepMemorySmall } from '../memory.ts';
import { openTarget } from '../open-target.ts';
import { jsonVerifyReporter, textVerifyReporter, type VerifyReporter } from '../reporters/verify-reporter.ts';
import { exitCodeAfter, interruptOnSignals } from '../signals.ts';
import { parseVerifyOptions, type VerifyOptions } from '../verify-options.ts';

/**
 * `verify`: checks what a rotation has left behind, and looks up a list of leaked tokens.
 *
 * @param args the command line after `verify`
 * @returns the exit code
 */
export async function verifyCommand(args: string[]): Promise<number> {
  // Bad options are reported in the form that was asked for, too.
  let reporter = reporterFor(args.includes('--json'), null);
  let received = (): NodeJS.Signals | undefined => undefined;
  try {
    const options = await parseVerifyOptions(args);
    reporter = reporterFor(options.json, options.settings.name);
    const interruption = interruptOnSignals(reporter.stopping);
    received = () => interruption.received;
    return (await verify(options, reporter, interruption.signal)) ? 0 : NOT_VERIFIED;
  } catch (error) {
    const signal = received();
    if (signal !== undefined && isAbort(error)) return endInterrupted(signal, reporter);
    reporter.fail(error);
    return exitCodeOfError(error);
  }
}

function reporterFor(json: boolean, rotation: string | null): VerifyReporter {
  return json
    ? jsonVerifyReporter(rotation, process.stdout)
    : textVerifyReporter(rotation ?? '', process.stdout, process.stderr);
}

function endInterrupted(signal: NodeJS.Signals, reporter: VerifyReporter): number {
  reporter.interrupted();
  return exitCodeAfter(signal);
}

/** @returns whether nothing that was found says STOP */
async function verify(
  { settings, target: name, leaked }: VerifyOptions,
  reporter: VerifyReporter,
  signal: AbortSignal,
): Promise<boolean> {
  const connections = LOOKUPS_AT_A_TIME;
  const { target, database, label } = await openTarget(name, { connections, rotation: settings.name });
  // Read the list before the rotation is checked, which may take minutes: a mistyped name is reported at once.
  const file = leaked && (await openFile(leaked.file, signal));
  reporter.begin(target, label);
  const trimMemory = keepMemorySmall();
  const context = { database, target, settings, signal, onEvent: reporter.event };
  const onChecked = (checked: number, survivors: number) => {
    reporter.progress(checked, survivors);
    trimMemory();
  };
  try {
    const state = await rotationState(context);
    const findings = await checkRotation(context, state, leaked);
    findings.forEach(reporter.finding);
    const tokens = file && (await lookUp(context, file, leaked, onChecked));
    const about = tokens ? leakedFinding(tokens, { state, allowUnreadable: leaked.allowUnreadable }) : noListFinding();
    reporter.finding(about);
    const isVerified = [...findings, about].every(({ level }) => level !== 'stop');
    reporter.end(isVerified, tokens);
    return isVerified;
  } finally {
    file?.destroy();
    await database.$disconnect();
  }
}

/** With a list at hand the rotation need not be known: the list says more. */
async function checkRotation(
  context: RotationContext,
  state: RotationState,
  leaked: LeakedSource | undefined,
): Promise<Finding[]> {
  if (leaked === undefined || state !== 'unrecorded') return verifyRotation(context);
  await assertVisible(context);
  const message = `No rotation '${context.settings.name}' is recorded in this database, so only the leaked list is checked.`;
  return [{ check: 'coverage', level: 'warning', message, advice: 'Check DATABASE_URL and --name.' }];
}

function lookUp(
  context: RotationContext,
  file: Readable,
  { options, allowsOtherForm }: LeakedSource,
  onChecked: (checked: number, survivors: number) => void,
): Promise<LeakedTokens> {
  return findSurvivors(context, readLeakedList(file, options), onChecked, { allowsOtherForm });
}
