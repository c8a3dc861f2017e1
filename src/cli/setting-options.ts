import type { Options } from 'yargs';
import {
  DEFAULTS,
  MAX_BATCH_SIZE,
  MAX_WORKERS,
  optionName,
  PACES,
  parseSettings,
  type Settings,
  STEERABLE,
} from '../config/settings.ts';
import { RETRY_TIME_OPTION } from './arguments.ts';

/** Descriptions of the options that become settings; names, types and defaults are those of the settings. */
const SETTINGS: Record<keyof Settings, string> = {
  name: 'Name of the rotation. A complete rotation does not run again; another name starts a new one',
  again: 'Begin although another rotation of the same column is complete, and replace its tokens, too',
  batchSize: `Rows written in one transaction, 1 to ${MAX_BATCH_SIZE}, or "auto": as many as take --target-batch-ms`,
  pace: 'How hard to push: "full", "steady" or "gentle" (small batches with pauses, for a busy application)',
  targetBatchMs: `Target duration of one batch in milliseconds; other writers of its rows wait about this long ${byPace('targetBatchMs')}`,
  workers: `Partitions rotated at a time, each on its own connection, 1 to ${MAX_WORKERS} ${byPace('workers')}`,
  tokens: 'Source of tokens: "app" (this process) or "database" (gen_random_uuid(); sends no token)',
  asynchronousCommit:
    'Do not wait for the disk at each commit. Safe: a server crash loses a batch and its checkpoint together',
  condemn:
    'Store a hash of every token that is valid now, and prove at the end that none of them is left. ' +
    'On for up to 50 million rows; --no-condemn turns it off',
  keepCondemned: 'Keep these hashes after verification, for isCondemned() and for later verify runs',
  lockTimeoutMs: 'Milliseconds that a batch waits for a lock; rows that stay locked are retried at the end',
  statementTimeoutMs: 'Time limit of a statement in milliseconds; a batch that exceeds it is retried with fewer rows',
  maxRetryTimeMs: RETRY_TIME_OPTION.describe,
  maxRowsPerSecond: 'Most rows per second that all processes of the rotation together write',
  pauseRatio: `Pause after each batch, relative to its duration: 1 halves the load ${byPace('pauseRatio')}`,
  maxReplicaLagMs: 'Lag of a streaming replica, in milliseconds, above which the rotation waits for it',
  maxSlotWalMb: 'Megabytes of WAL that a replication slot may retain before the rotation waits for its consumer',
  maxUnarchivedFiles:
    'WAL files that may wait for the archiver before the rotation waits for it; also if archiving fails',
  minFreeConnections: 'Connections of the server that must be left for others; 0: none',
  maxDeadRowRatio: 'Dead rows of the table for each live one before the rotation waits for a vacuum',
  maxTransactionAgeMs: 'Age of a transaction of others, in milliseconds, before the rotation waits for its end',
  maxWaitingSessions: 'Sessions that may wait for locks of the rotation before it waits for them',
};

type Steerable = keyof typeof STEERABLE;

const STEERABLE_NAMES = Object.keys(STEERABLE) as Steerable[];

/** Throttles: what holds a rotation back so that others are served. */
export const THROTTLES: readonly Steerable[] = STEERABLE_NAMES.filter((name) => name !== 'pace' && name !== 'workers');

/** The settings that a pace sets, and those that hardly anybody needs. */
export const FINE_TUNING: readonly (keyof Settings)[] = [
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

const SETTING_NAMES = Object.keys(SETTINGS) as (keyof Settings)[];

/** The options of a run that become settings. */
export function settingOptions() {
  const options = SETTING_NAMES.map((setting): [string, Options] => {
    const initial = DEFAULTS[setting];
    const describe = SETTINGS[setting];
    if (setting === 'condemn') return ['condemn', { describe, type: 'boolean' }]; // not given: `auto`
    if (setting in PACES.steady) return [flagOf(setting), { describe, type: 'number', requiresArg: true }];
    if (typeof initial === 'boolean') return [flagOf(setting), { describe, type: 'boolean', default: initial }];
    if (isThrottle(setting)) {
      return [flagOf(setting), { describe, type: 'string', requiresArg: true, default: String(initial ?? 'none') }];
    }
    const type = typeof initial === 'string' ? 'string' : 'number';
    return [flagOf(setting), { describe, type, requiresArg: true, ...(initial !== null && { default: initial }) }];
  });
  return Object.fromEntries(options) as Record<'name' | 'again', Options>;
}

/** @throws ConfigurationError when one of them is wrong */
export function settingsOf(options: Record<string, unknown>): Settings {
  const given = SETTING_NAMES.map((setting) => {
    const value = options[flagOf(setting)];
    return [setting, isThrottle(setting) || setting === 'batchSize' ? parsedValue(value) : value];
  });
  return parseSettings(Object.fromEntries(given));
}

function isThrottle(setting: string): boolean {
  return THROTTLES.some((name) => name === setting);
}

/** The options of `set`; none of them has a default. */
export function steerableOptions(): Record<string, Options> {
  return Object.fromEntries(
    STEERABLE_NAMES.map((name) => [flagOf(name), { describe: SETTINGS[name], type: 'string', requiresArg: true }]),
  );
}

/** @returns the settings that `set` is given, as they came in */
export function steeredBy(options: Record<string, unknown>): Record<string, unknown> {
  const given = STEERABLE_NAMES.filter((name) => options[flagOf(name)] !== undefined);
  return Object.fromEntries(given.map((name) => [name, parsedValue(options[flagOf(name)])]));
}

/** A number, or null for "none"; other texts are left to the schema. */
function parsedValue(text: unknown): unknown {
  if (text === 'none') return null;
  return typeof text === 'string' && /^[\d.]+$/.test(text) ? Number(text) : text;
}

/** `batchSize` → `batch-size` */
export function flagOf(setting: string): string {
  return optionName(setting).slice(2);
}
