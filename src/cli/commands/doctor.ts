import { parseDatabaseUrl } from '../../config/database-url.ts';
import { parseSettings, type Settings } from '../../config/settings.ts';
import { retry } from '../../database/retry.ts';
import { ownSession } from '../../database/session.ts';
import { ConfigurationError } from '../../errors/errors.ts';
import type { Finding } from '../../finding.ts';
import { inspectDatabase } from '../../preflight/preflight.ts';
import { printable } from '../../text/printable.ts';
import { countOf, shortened } from '../../text/wording.ts';
import { commandLine, PROGRAM, RETRY_TIME_OPTION } from '../arguments.ts';
import { exitCodeOfError } from '../exit-code.ts';
import { jsonLines } from '../json-lines.ts';
import { openTarget } from '../open-target.ts';
import { colored } from '../reporters/color.ts';
import { describeFindings } from '../reporters/findings.ts';
import { retriesTo } from '../reporters/retry-text.ts';
import { sayError } from '../say-error.ts';
import { exitCodeAfter, interruptOnSignals } from '../signals.ts';
import { targetsOrAll } from '../targets-of.ts';

const USAGE = `${PROGRAM} doctor [options]

Runs the preflight of every target, and changes nothing: could we rotate now? Exit code 2 if a target is not ready.`;

/** @param args what follows `doctor` @returns the exit code */
export async function doctorCommand(args: string[]): Promise<number> {
  const interruption = interruptOnSignals(() => {});
  try {
    const options = await commandLine(args, USAGE)
      .option('target', {
        describe: 'Targets of rotate-tokens.config.ts (a,b,c) or "all"',
        type: 'string',
        default: 'all',
        requiresArg: true,
      })
      .option('max-retry-time-ms', RETRY_TIME_OPTION)
      .option('json', { describe: 'Print one JSON object per target', type: 'boolean', default: false })
      .parseAsync();
    const settings = parseSettings({ maxRetryTimeMs: options['max-retry-time-ms'] });
    parseDatabaseUrl(process.env); // said once, and not of each target
    const targets = await targetsOrAll(options.target);
    const unready: string[] = [];
    for (const target of targets) {
      const examination = await examine(target, settings, interruption.signal).catch((error) =>
        unusable(target, error),
      );
      (options.json ? printJson : printText)(examination);
      if (!isReady(examination)) unready.push(target);
    }
    if (!options.json) process.stdout.write(`${describeReadiness(targets.length, unready)}\n`);
    return unready.length === 0 ? 0 : 2;
  } catch (error) {
    if (interruption.received) return exitCodeAfter(interruption.received);
    sayError(error);
    return exitCodeOfError(error);
  }
}

/** What is found of a target. */
interface Examination {
  /** Its name. */
  target: string;
  /** What it rotates, and where; null if the configuration does not say. */
  of: string | null;
  findings: Finding[];
}

async function examine(name: string, settings: Settings, signal: AbortSignal): Promise<Examination> {
  const { target, database, label } = await openTarget(name, { connections: 1 });
  const context = { database, settings, signal, onEvent: retriesTo(process.stderr) };
  try {
    const attempt = <Result>(step: () => Promise<Result>) => retry(context, step);
    const findings = await inspectDatabase(ownSession(database), target, settings, attempt);
    return { target: name, of: `${shortened(target.label)} in ${label}`, findings };
  } finally {
    await database.$disconnect();
  }
}

/** @throws the error, unless it is about this target alone */
function unusable(target: string, error: unknown): Examination {
  if (!(error instanceof ConfigurationError)) throw error;
  return { target, of: null, findings: [{ check: 'config', level: 'stop', message: error.message }] };
}

function isReady({ findings }: Examination): boolean {
  return findings.every(({ level }) => level !== 'stop');
}

function printText({ target, of, findings }: Examination): void {
  const lines = [
    `target '${target}'${of === null ? '' : `: ${of}`}`,
    ...describeFindings('preflight', findings, false),
  ];
  for (const line of lines) process.stdout.write(`${colored(printable(line), process.stdout)}\n`);
}

function printJson(examination: Examination): void {
  jsonLines(null, process.stdout)('examined', { ...examination, ready: isReady(examination) });
}

function describeReadiness(count: number, unready: readonly string[]): string {
  const targets = countOf(count, 'target');
  if (unready.length === 0) return `${targets} could be rotated now.`;
  return `${count - unready.length} of ${targets} could be rotated now; not: ${unready.join(', ')}. Follow the advice above.`;
}
