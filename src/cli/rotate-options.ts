import packageJson from '../../package.json' with { type: 'json' };
import { DEFAULTS, MAX_BATCH_SIZE, MAX_WORKERS, parseSettings, type Settings } from '../config/settings.ts';
import { commandLine, PROGRAM, TARGET_OPTION } from './arguments.ts';
import { exitCodesHelp } from './exit-code.ts';

const USAGE = `${PROGRAM} [run|status|verify] [options]

Replaces every token of a target, and continues where it stopped. "status" shows how far all rotations are, "verify"
looks up a list of leaked tokens; each has a --help of its own.`;

export interface RotateOptions {
  settings: Settings;
  /** Its name; undefined: the only one. */
  target: string | undefined;
  /** Only rehearse it. */
  dryRun: boolean;
  /** Where to write the report. */
  report: string | undefined;
  json: boolean;
}

/**
 * @param args the command line without node and script
 * @throws ConfigurationError when an option is unknown or wrong
 */
export async function parseRotateOptions(args: string[]): Promise<RotateOptions> {
  const options = await rotateOptions(args).parseAsync();
  const settings = parseSettings({
    name: options.name,
    again: options.again,
    batchSize: options['batch-size'] === DEFAULTS.batchSize ? DEFAULTS.batchSize : Number(options['batch-size']),
    targetBatchMs: options['target-batch-ms'],
    workers: options.workers,
    tokens: options.tokens,
    asynchronousCommit: options['asynchronous-commit'],
    condemn: options.condemn,
    keepCondemned: options['keep-condemned'],
    lockTimeoutMs: options['lock-timeout-ms'],
    statementTimeoutMs: options['statement-timeout-ms'],
    maxRetryTimeMs: options['max-retry-time-ms'],
    maxRowsPerSecond: options['max-rows-per-second'],
    pauseRatio: options['pause-ratio'],
    maxReplicaLagMs: options['max-replica-lag-ms'],
  });
  return {
    settings,
    target: options.target,
    dryRun: options['dry-run'],
    report: options.report,
    json: options.json,
  };
}

function rotateOptions(args: string[]) {
  return commandLine(args, USAGE)
    .option('name', {
      describe: "The rotation's name. A rotation that is complete is not run again; another name starts a new one",
      type: 'string',
      default: DEFAULTS.name,
      requiresArg: true,
    })
    .option('again', {
      describe:
        'Begin this rotation although another one of the same column has completed: its tokens are replaced, too',
      type: 'boolean',
      default: DEFAULTS.again,
    })
    .option('target', TARGET_OPTION)
    .option('batch-size', {
      describe: `Rows written in one transaction, 1 to ${MAX_BATCH_SIZE}, or "auto": as many as take --target-batch-ms`,
      type: 'string',
      default: DEFAULTS.batchSize,
      requiresArg: true,
    })
    .option('target-batch-ms', {
      describe: 'Milliseconds a batch is to take, as long as a writer of one of its rows may have to wait',
      type: 'number',
      default: DEFAULTS.targetBatchMs,
      requiresArg: true,
    })
    .option('workers', {
      describe: `Partitions rotated at a time, each on a connection of its own, 1 to ${MAX_WORKERS}`,
      type: 'number',
      default: DEFAULTS.workers,
      requiresArg: true,
    })
    .option('tokens', {
      describe:
        'Where tokens are made: "app" (here), or "database" (gen_random_uuid(), fastest; no token crosses the wire)',
      type: 'string',
      default: DEFAULTS.tokens,
      requiresArg: true,
    })
    .option('asynchronous-commit', {
      describe:
        "Don't wait for the disk at each commit. Safe: a server crash loses a batch and its checkpoint together",
      type: 'boolean',
      default: DEFAULTS.asynchronousCommit,
    })
    .option('condemn', {
      describe:
        'Remember the hash of every token that is valid now, and prove at the end that none of them is left. ' +
        'On for up to 50 million rows; --no-condemn leaves it out',
      type: 'boolean',
    })
    .option('keep-condemned', {
      describe: 'Keep these hashes when the rotation is verified, for isCondemned() and for later verify runs',
      type: 'boolean',
      default: DEFAULTS.keepCondemned,
    })
    .option('lock-timeout-ms', {
      describe:
        'Milliseconds a batch waits for a lock that somebody else holds; rows that stay locked are tried again at the end',
      type: 'number',
      default: DEFAULTS.lockTimeoutMs,
      requiresArg: true,
    })
    .option('statement-timeout-ms', {
      describe: 'Milliseconds a statement of a batch may take; what takes longer is tried again with fewer rows',
      type: 'number',
      default: DEFAULTS.statementTimeoutMs,
      requiresArg: true,
    })
    .option('max-retry-time-ms', {
      describe:
        'Milliseconds to wait out a fault that passes by itself (restart, failover, lost connection, locked rows)',
      type: 'number',
      default: DEFAULTS.maxRetryTimeMs,
      requiresArg: true,
    })
    .option('max-rows-per-second', {
      describe:
        'Rows a second that this process writes at most. To change it, stop, and start again: that costs seconds',
      type: 'number',
      requiresArg: true,
    })
    .option('pause-ratio', {
      describe: 'How long to pause after each batch: 1 is as long as the batch took, which halves the load',
      type: 'number',
      default: DEFAULTS.pauseRatio,
      requiresArg: true,
    })
    .option('max-replica-lag-ms', {
      describe: 'Milliseconds that a streaming replica may be behind before the rotation waits for it',
      type: 'number',
      requiresArg: true,
    })
    .option('dry-run', {
      describe:
        'Plan, write one batch, measure it and take it back: what would happen, and about how long it would take',
      type: 'boolean',
      default: false,
    })
    .option('report', {
      describe: 'Write a report at the end, also of an interrupted run, to this file: .html or .json',
      type: 'string',
      requiresArg: true,
    })
    .option('json', { describe: 'Print one JSON object a line', type: 'boolean', default: false })
    .version(packageJson.version)
    .epilogue(`The database is taken from DATABASE_URL, in the environment or in .env.\n\n${exitCodesHelp()}`);
}
