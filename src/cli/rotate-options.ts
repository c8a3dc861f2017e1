import packageJson from '../../package.json' with { type: 'json' };
import type { Settings } from '../config/settings.ts';
import { commandLine, PROGRAM, TARGET_OPTION } from './arguments.ts';
import { exitCodesHelp } from './exit-code.ts';
import { type LeakedSource, LIST_OPTIONS, listOf } from './list-options.ts';
import { FINE_TUNING, flagOf, settingOptions, settingsOf, THROTTLES } from './setting-options.ts';

const USAGE = `${PROGRAM} [run|init|doctor|status|pause|resume|set|verify|report|expire-grace] [options]

Replaces every token of a target, and continues where it stopped.

  init                prepares a project: creates tables, proposes targets
  doctor              says whether all targets could be rotated now
  status              shows the progress of all rotations
  pause, resume, set  steer a rotation while it runs, from any machine
  verify              checks a rotation, and looks up a list of leaked tokens
  report              reports a rotation, at any time
  expire-grace        ends the grace period of a target

Each has its own --help.`;

export interface RotateOptions {
  settings: Settings;
  /** Name of the target, several with commas in between, or `all`; undefined: the only one. */
  target: string | undefined;
  /** File with the names of the variables that hold the URLs; undefined: DATABASE_URL alone. */
  databases: string | undefined;
  /** Schemas of tenants, or a pattern of LIKE; undefined: the one that Prisma's queries use. */
  schemas: string | undefined;
  /** Of several targets, do not begin another one after a failure. */
  failFast: boolean;
  dryRun: boolean;
  /** The list whose tokens alone are replaced; undefined: every token in scope is. */
  only: LeakedSource | undefined;
  /** Path of the report; undefined: none. */
  report: string | undefined;
  json: boolean;
}

const ONLY = {
  only: {
    describe: 'Replace only the tokens of this list, and leave every other row alone (plain or gzipped)',
    type: 'string',
    requiresArg: true,
  },
} as const;

const TARGETS = {
  target: {
    ...TARGET_OPTION,
    describe:
      'Target of rotate-tokens.config.ts, several (a,b,c) or "all", one after another; optional if there is only one',
  },
  schemas: {
    describe:
      'Schemas with the same tables, such as one for each tenant (a,b,c, or a pattern such as "tenant_%"), one after another',
    type: 'string',
    requiresArg: true,
  },
  databases: {
    describe:
      'File with a name of an environment variable per line, each with the URL of a database, one after another',
    type: 'string',
    requiresArg: true,
  },
  'fail-fast': {
    describe: 'Of several targets, schemas or databases, begin no other one after a failure',
    type: 'boolean',
    default: false,
  },
} as const;

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
    .options(TARGETS)
    .options(ONLY)
    .options(LIST_OPTIONS)
    .options(others)
    .options(OTHERS)
    .group([], 'Options:')
    .group(Object.keys(LIST_OPTIONS), 'How to read the list of --only:')
    .group(THROTTLES.map(flagOf), 'Throttles (of all processes; "none" turns a limit off):')
    .group(FINE_TUNING.map(flagOf), 'Fine tuning:')
    .version(packageJson.version)
    .epilogue(`DATABASE_URL, in the environment or in .env, names the database.\n\n${exitCodesHelp()}`)
    .parseAsync();
  return {
    settings: settingsOf(options),
    target: options.target,
    only: listOf('only', options),
    databases: options.databases,
    schemas: options.schemas,
    failFast: options['fail-fast'],
    dryRun: options['dry-run'],
    report: options.report,
    json: options.json,
  };
}
