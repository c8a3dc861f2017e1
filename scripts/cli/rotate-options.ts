import packageJson from '../../package.json' with { type: 'json' };
import { DEFAULTS, MAX_BATCH_SIZE, parseSettings, type Settings } from '../../src/index.ts';
import { commandLine } from './arguments.ts';
import { EXIT_CODES } from './exit-code.ts';

const USAGE = `npx tsx scripts/rotate-tokens.ts [options]

Replaces the token of every ticket, and continues where it stopped.`;

export interface RotateOptions {
  settings: Settings;
  json: boolean;
}

/**
 * @param args the command line without node and script
 * @throws ConfigurationError when an option is unknown or wrong
 */
export async function parseRotateOptions(args: string[]): Promise<RotateOptions> {
  const { name, 'batch-size': batchSize, json } = await rotateOptions(args).parseAsync();
  return { settings: parseSettings({ name, batchSize }), json };
}

function rotateOptions(args: string[]) {
  return commandLine(args, USAGE)
    .option('name', {
      describe: "The rotation's name. A rotation that is complete is not run again; another name starts a new one",
      type: 'string',
      default: DEFAULTS.name,
      requiresArg: true,
    })
    .option('batch-size', {
      describe: `Rows written in one transaction, 1 to ${MAX_BATCH_SIZE}`,
      type: 'number',
      default: DEFAULTS.batchSize,
      requiresArg: true,
    })
    .option('json', { describe: 'Print one JSON object a line', type: 'boolean', default: false })
    .version(packageJson.version)
    .epilogue(`The database is taken from DATABASE_URL, in the environment or in .env.\n\n${exitCodes()}`);
}

function exitCodes(): string {
  const lines = Object.entries(EXIT_CODES).map(([code, meaning]) => `  ${code.padEnd(15)}${meaning}`);
  return ['Exit codes:', ...lines].join('\n');
}
