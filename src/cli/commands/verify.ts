import { type Check, checkRecorder, type NewCheck } from '../../checkpoint/checks.ts';
import { storeOf } from '../../checkpoint/store.ts';
import { whoIsThis } from '../../checkpoint/who.ts';
import type { RotationContext } from '../../context.ts';
import { attemptOnce, isAbort } from '../../database/retry.ts';
import { ownSession } from '../../database/session.ts';
import { ConfigurationError } from '../../errors/errors.ts';
import type { Finding } from '../../finding.ts';
import { assertVisible } from '../../preflight/preflight.ts';
import { checkReportPath } from '../../report/page/write-report.ts';
import { leakedFinding, noListFinding, type RotationState } from '../../verify/leaked-finding.ts';
import { readLeakedList } from '../../verify/leaked-list.ts';
import { findSurvivors, type LeakedTokens, LOOKUPS_AT_A_TIME } from '../../verify/survivors.ts';
import { rotationState, verifyRotation } from '../../verify/verify.ts';
import { exitCodeOfError, NOT_VERIFIED } from '../exit-code.ts';
import { digested, openFile } from '../leaked-file.ts';
import type { LeakedSource } from '../list-options.ts';
import { keepMemorySmall } from '../memory.ts';
import { openTarget } from '../open-target.ts';
import { jsonVerifyReporter, textVerifyReporter, type VerifyReporter } from '../reporters/verify-reporter.ts';
import { readRecorded, writeRotationReport } from '../rotation-report-file.ts';
import { sayError } from '../say-error.ts';
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
  { settings, target: name, leaked, report }: VerifyOptions,
  reporter: VerifyReporter,
  signal: AbortSignal,
): Promise<boolean> {
  const connections = LOOKUPS_AT_A_TIME;
  if (report !== undefined) await checkReportPath(report);
  const { target, database, label, user } = await openTarget(name, { connections, rotation: settings.name });
  // Read the list before the rotation is checked, which may take minutes: a mistyped name is reported at once.
  const file = leaked && (await openFile(leaked.file, signal));
  const list = file && digested(file);
  reporter.begin(target, label);
  const trimMemory = keepMemorySmall();
  const context = { database, target, settings, signal, onEvent: reporter.event };
  const onChecked = (checked: number, survivors: number) => {
    reporter.progress(checked, survivors);
    trimMemory();
  };
  try {
    const state = await rotationState(context);
    if (state === 'unrecorded' && report !== undefined) {
      throw new ConfigurationError(
        `no rotation '${settings.name}' is recorded, so there is none to report. Check --name.`,
      );
    }
    const findings = await checkRotation(context, state, leaked);
    findings.forEach(reporter.finding);
    const tokens = list && (await lookUp(context, list.bytes, leaked, onChecked));
    const about = tokens ? leakedFinding(tokens, { state, allowUnreadable: leaked.allowUnreadable }) : noListFinding();
    reporter.finding(about);
    const found = [...findings, about];
    const isVerified = found.every(({ level }) => level !== 'stop');
    reporter.end(isVerified, tokens);
    if (state === 'unrecorded') return isVerified;
    const check = { findings: found, list: tokens && list ? listFacts(list.sha256(), tokens) : null };
    const unrecorded = await recordCheck(context, check, user);
    if (report !== undefined)
      await reportCheck(report, settings.name, unrecorded).catch((error: unknown) => sayError(error));
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

function listFacts(sha256: string, { checked, survivors, outOfScope }: LeakedTokens): NewCheck['list'] {
  return { sha256, tokensChecked: checked, rowsFound: survivors.count + outOfScope.count };
}

/**
 * Records what was found, unless that fails at once: who verifies may be allowed to read only, or look at a replica.
 *
 * @returns the check, if it could not be recorded
 */
async function recordCheck(context: RotationContext, check: NewCheck, user: string): Promise<Check | undefined> {
  const database = ownSession(context.database);
  try {
    await attemptOnce(database, checkRecorder(storeOf({ ...context, database }), check));
    return undefined;
  } catch (error) {
    sayError(error, 'what was found could not be recorded: ');
    const { findings, list } = check;
    return {
      id: '',
      findings,
      listSha256: list?.sha256 ?? null,
      tokensChecked: list && BigInt(list.tokensChecked),
      rowsFound: list && BigInt(list.rowsFound),
      checkedBy: whoIsThis(),
      role: user,
      checkedAt: new Date(),
    };
  }
}

async function reportCheck(path: string, name: string, unrecorded: Check | undefined): Promise<void> {
  const recorded = await readRecorded((each) => each === name);
  const more = unrecorded === undefined ? [] : [unrecorded];
  const all = recorded.map(({ status, database }) => ({
    status: { ...status, checks: [...more, ...status.checks] },
    database,
  }));
  await writeRotationReport(path, all);
}

function lookUp(
  context: RotationContext,
  file: AsyncIterable<Uint8Array>,
  { options, allowsOtherForm }: LeakedSource,
  onChecked: (checked: number, survivors: number) => void,
): Promise<LeakedTokens> {
  return findSurvivors(context, readLeakedList(file, options), onChecked, { allowsOtherForm });
}
