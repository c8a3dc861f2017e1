import type { Options } from 'yargs';
import packageJson from '../../package.json' with { type: 'json' };
import {
  DEFAULTS,
  MAX_BATCH_SIZE,
  MAX_WORKERS,
  optionName,
  PACES,
  parseSettings,
  type Settings,
} from '../config/settings.ts';
import { commandLine, PROGRAM, RETRY_TIME_OPTION, TARGET_OPTION } from './arguments.ts';
import { exitCodesHelp } from './exit-code.ts';

const USAGE = `${PROGRAM} [run|status|verify|expire-grace] [options]

Replaces every token of a target, and continues where it stopped.
"status" shows the progress of all rotations, "verify" looks up a list of leaked tokens, "expire-grace" ends the grace
period of a target; each has its own --help.`;

export interface RotateOptions {
  settings: Settings;
  /** Name of the target; undefined: the only one. */
  target: string | undefined;
  dryRun: boolean;
  /** Path of the report; undefined: none. */
  report: string | undefined;
  json: boolean;
}

/** Descriptions of the options that become settings; names, types and defaults are those of the settings. */
const SETTINGS: Record<keyof Settings, string> = {
  name: 'Name of the rotation. A complete rotation does not run again; another name starts a new one',
  again: 'Begin although another rotation of the same column is complete, and replace its tokens, too',
  batchSize: `Rows written in one transaction, 1 to ${MAX_BATCH_SIZE}, or "auto": as many as take --target-batch-ms`,
  pace: 'How hard to push: "full", "steady" or "gentle" (small batches with pauses, for a busy application)',
  targetBatchMs: `Target duration of one batch in milliseconds; other writers of its rows wait about this long ${byPace('targetBatchMs')}`,
  workers: `Partitions rotated at a time, each on its own connection, 1 to ${MAX_WORKERS} ${byPace('workers')}`,
  tokens: 'Source of tokens: "app" (this process) or "database" (gen_random_uuid(), fastest; sends no token)',
  asynchronousCommit:
    'Do not wait for the disk at each commit. Safe: a server crash loses a batch and its checkpoint together',
  condemn:
    'Store a hash of every token that is valid now, and prove at the end that none of them is left. ' +
    'On for up to 50 million rows; --no-condemn turns it off',
  keepCondemned: 'Keep these hashes after verification, for isCondemned() and for later verify runs',
  lockTimeoutMs: 'Milliseconds that a batch waits for a lock; rows that stay locked are retried at the end',
  statementTimeoutMs: 'Time limit of a statement in milliseconds; a batch that exceeds it is retried with fewer rows',
  maxRetryTimeMs: RETRY_TIME_OPTION.describe,
  maxRowsPerSecond:
    'Most rows per second that this process writes. To change it, stop and start again: that costs seconds',
  pauseRatio: `Pause after each batch, relative to its duration: 1 halves the load ${byPace('pauseRatio')}`,
  maxReplicaLagMs: 'Lag of a streaming replica, in milliseconds, above which the rotation waits for it',
};

/** The settings that a pace sets, and those that hardly anybody needs. */
const FINE_TUNING: readonly (keyof Settings)[] = [
  'batchSize',
  'targetBatchMs',
  'workers',
  'pauseRatio',
  'asynchronousCommit',
  'lockTimeoutMs',
  'statementTimeoutMs',
  'maxRetryTimeMs',
];

/** `(by --pace: 4, 2 or 1)` */
function byPace(setting: keyof typeof PACES.steady): string {
  const values = Object.values(PACES).map((preset) => preset[setting]);
  return `(by --pace: ${values.slice(0, -1).join(', ')} or ${values.at(-1)})`;
}

const OTHERS = {
  'dry-run': {
    describe: 'Plan, write one batch, measure it and roll it back, and estimate duration and cost',
    type: 'boolean',
    default: false,
  },
  report: {
    describe: 'Write a report to this file (.html or .json) at the end, even of an interrupted run',
    type: 'string',
    requiresArg: true,
  },
  json: { describe: 'Print one JSON object per line', type: 'boolean', default: false },
} as const;

/**
 * @param args the command line without node and script
 * @throws ConfigurationError when an option is unknown or wrong
 */
export async function parseRotateOptions(args: string[]): Promise<RotateOptions> {
  const { name, again, ...others } = settingOptions();
  const options = await commandLine(args, USAGE)
    .options({ name, again })
    .option('target', TARGET_OPTION)
    .options(others)
    .options(OTHERS)
    .group([], 'Options:')
    .group(FINE_TUNING.map(flagOf), 'Fine tuning:')
    .version(packageJson.version)
    .epilogue(`DATABASE_URL, in the environment or in .env, names the database.\n\n${exitCodesHelp()}`)
    .parseAsync();
  return {
    settings: settingsOf(options),
    target: options.target,
    dryRun: options['dry-run'],
    report: options.report,
    json: options.json,
  };
}

const SETTING_NAMES = Object.keys(SETTINGS) as (keyof Settings)[];

function settingOptions() {
  const options = SETTING_NAMES.map((setting): [string, Options] => {
    const initial = DEFAULTS[setting];
    const describe = SETTINGS[setting];
    if (setting === 'condemn') return ['condemn', { describe, type: 'boolean' }]; // not given: `auto`
    if (setting in PACES.steady) return [flagOf(setting), { describe, type: 'number', requiresArg: true }];
    if (typeof initial === 'boolean') return [flagOf(setting), { describe, type: 'boolean', default: initial }];
    const type = typeof initial === 'string' ? 'string' : 'number';
    return [flagOf(setting), { describe, type, requiresArg: true, ...(initial !== null && { default: initial }) }];
  });
  return Object.fromEntries(options) as Record<'name' | 'again', Options>;
}

function settingsOf(options: Record<string, unknown>): Settings {
  const given = Object.fromEntries(SETTING_NAMES.map((setting) => [setting, options[flagOf(setting)]]));
  return parseSettings({ ...given, batchSize: given.batchSize === 'auto' ? 'auto' : Number(given.batchSize) });
}

function flagOf(setting: string): string {
  return optionName(setting).slice(2);
}
